"""The nightly run: indicators, scores, eligible cases, chosen cases, the queue, in one commit."""
