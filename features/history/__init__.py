"""Reads case histories as they were known on a date, and the recorded levels in them."""
