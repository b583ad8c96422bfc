"""Reads an extract into the store: checks every row, numbers versions, counts what is refused."""
