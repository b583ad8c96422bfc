"""What the model governance board decides: approvals, stops, incidents, and what they rest on."""
