"""Turns the responses of other services into rows of our tables."""
