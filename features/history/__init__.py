"""A case history as it was known on a date, and the levels that were recorded in it."""
