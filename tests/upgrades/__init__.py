"""What earlier releases left opens, or is refused with a sentence."""
