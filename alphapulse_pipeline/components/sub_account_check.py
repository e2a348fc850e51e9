"""The check that no sub-account of a master account is forgotten."""

from alphapulse_pipeline.components.check import Check

SUB_ACCOUNTS = "sub_accounts_known"
_LISTED = (
    "FROM alphapulse.sub_accounts AS s LEFT JOIN alphapulse.accounts AS a"
    " ON a.parent = s.account AND a.sub_account = s.sub_account WHERE s.account = %(account)s"
)


def sub_account_check(dataset: str) -> Check:
    """The check of the account's sub-accounts. Dagster attaches it to one of its datasets."""
    return Check(
        dataset,
        SUB_ACCOUNTS,
        "Every sub-account that the exchange lists is deployed. A warning if one is not: what it "
        "holds is in no value and in no profit. They are listed once a day.",
        f"SELECT s.sub_account, s.name, s.frozen, s.listed_at {_LISTED} AND a.account IS NULL"
        " ORDER BY s.name, s.sub_account",
        only_warns=True,
        facts="SELECT s.sub_account, s.name, s.frozen, a.account AS deployed_as, NULL AS unlisted"
        f" {_LISTED} UNION ALL SELECT NULL, NULL, NULL, NULL, unlisted FROM alphapulse.accounts"
        " WHERE account = %(account)s AND unlisted IS NOT NULL",
        hint="Run `alphapulse account discover ACCOUNT --write` with the name of the master "
        "account: it writes a file for each of them.",
    )
