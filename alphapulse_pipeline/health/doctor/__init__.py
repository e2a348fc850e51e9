"""Why an account does not work: one check after the other, each with its mend.

`network.py` is the way to the exchange, `account.py` what is asked there, `datasets.py` one call of
every list, `budget.py` the rate limit, `database.py` where all of it goes.
"""
