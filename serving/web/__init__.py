"""Serves the pages and the JSON API."""
