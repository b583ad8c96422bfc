"""Approved bundle and live cases become a queue for reading. Never imports training."""
