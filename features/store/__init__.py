"""The append-only store of case histories: versions, digests, loads taken back, cases forgotten."""
