"""Services of earlier releases come up to date."""
