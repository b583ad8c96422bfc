"""Reading a case: record your view, see the findings, conclude."""
