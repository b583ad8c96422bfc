"""The tables of an extract: their columns, what a value may be, and the code lists."""
