"""The report: one HTML page of the whole portfolio."""
