"""Fetches what is missing of a dataset of an account, as batches for the database."""
