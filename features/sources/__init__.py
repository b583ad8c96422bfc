"""Adapters: what other services send becomes rows of the same contracts."""
