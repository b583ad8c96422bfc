"""Builds the indicator frame of a caseload, with the evidence and timeline behind each value."""
