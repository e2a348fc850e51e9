"""What each exchange's documentation allows: one module per exchange, as data."""
