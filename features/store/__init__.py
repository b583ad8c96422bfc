"""Keeps case histories in an append-only store: versions, digests, undone loads, deletions."""
