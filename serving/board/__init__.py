"""Records what the governance board decides: approvals, stops, incidents; and their impact."""
