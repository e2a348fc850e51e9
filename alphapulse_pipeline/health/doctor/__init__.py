"""`alphapulse doctor`: checks that find out why an account does not work, each with its fix.

`network.py` checks the connection to the exchange, `account.py` the account, `datasets.py` each
dataset's endpoints, `budget.py` the rate limit, and `database.py` the database.
"""
