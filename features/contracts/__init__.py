"""Describes the tables of an extract: their columns, permitted values and code lists."""
