"""Labelled history becomes a proposed bundle. Imports models and features; never serving."""
