"""What each command of `python -m serving` does, and what it prints."""
