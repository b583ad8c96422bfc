"""Runs the commands of `python -m serving` and prints their results."""
