"""Learns the weights of words by which the reader of notes checks phrases and goes beyond them."""
