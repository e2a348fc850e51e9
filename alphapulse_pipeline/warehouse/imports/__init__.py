"""Imports CSV files with rows that the exchange no longer serves, and the coverage they prove."""
