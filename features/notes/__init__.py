"""Reads what officers wrote: a note becomes entries with their words, for a person to check."""
