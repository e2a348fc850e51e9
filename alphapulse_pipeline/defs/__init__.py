"""The deployment: one folder for each account, the portfolio, and shared definitions."""
