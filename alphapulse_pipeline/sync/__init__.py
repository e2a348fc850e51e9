"""One dataset of one account: what is missing, fetched, as batches for the database."""
