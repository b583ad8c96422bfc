"""Turns labelled history into a proposed bundle; imports models and features, never serving.

Imports models and features; never serving.
"""
