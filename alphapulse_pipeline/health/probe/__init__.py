"""`alphapulse doctor ACCOUNT --probe`: what we assume of an exchange's API, tested on an account.

The assumptions are read from the exchange's venue, so a new source is probed without new code. Each
is a function of a list (`listing.py`) that sends at most a few read-only requests: `rows.py` about
the rows of an answer, `spans.py` about time windows, `pages.py` about pages, `balances.py` about
totals. `account.py` runs them, `known.py` says which rows the database has, and `shape.py`
describes answers without their values, for a file that can be published.
"""
