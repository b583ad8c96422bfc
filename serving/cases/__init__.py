"""Keeps what is known about each case apart from reviews: holder, access, summary, holds."""
