"""Scores cases nightly and serves the review queue; never imports training.

Never imports training.
"""
