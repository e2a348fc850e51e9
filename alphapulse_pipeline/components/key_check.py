"""The check of an account's API key, from the permissions that the exchange last reported."""

from alphapulse_pipeline.components.check import Check

KEY = "key_is_read_only"
_FAILS = {
    "the key can withdraw, so it is not used": "can_withdraw",
    "the key can trade and allow_trading_keys is false, so it is not used": (
        "can_trade AND NOT %(allow_trading_keys)s"
    ),
    "the exchange does not report the permissions of the key and allow_unknown_rights is false, "
    "so it is not used": (
        "checked_at IS NOT NULL AND can_withdraw IS NULL AND NOT %(allow_unknown_rights)s"
    ),
    "the key cannot read": "NOT can_read",
    "the key has expired": "expires_at <= now()",
}
_WARNS = {
    "the key can trade, which allow_trading_keys permits": "can_trade AND %(allow_trading_keys)s",
    "the exchange does not report the permissions of the key, which allow_unknown_rights permits": (
        "checked_at IS NOT NULL AND can_withdraw IS NULL AND %(allow_unknown_rights)s"
    ),
    "demo trading does not report the permissions of the key": (
        "can_trade IS NULL AND NOT can_withdraw"
    ),
    "the key expires within 14 days": "expires_at BETWEEN now() AND now() + interval '14 days'",
    "the permissions of the key have not been requested yet": "checked_at IS NULL",
}


def key_check(dataset: str) -> Check:
    """The check of the account's key. Dagster attaches it to one of the account's datasets."""
    findings = ", ".join(
        f"({place}, '{finding}', {holds})"
        for place, (finding, holds) in enumerate((_FAILS | _WARNS).items())
    )
    columns = "can_read, can_trade, can_withdraw, expires_at, checked_at"
    return Check(
        dataset,
        KEY,
        "The exchange reports that the API key is read-only. An error if AlphaPulse refuses the "
        "key; a warning if it may trade and `allow_trading_keys` is set, if its permissions are "
        "not reported and `allow_unknown_rights` is set, or if it expires within 14 days.",
        f"SELECT {columns}, finding FROM (SELECT) AS one LEFT JOIN alphapulse.keys"
        f" ON account = %(account)s CROSS JOIN LATERAL (VALUES {findings})"
        " AS found (place, finding, holds) WHERE holds ORDER BY place",
        warnings=frozenset(_WARNS),
        facts=f"SELECT {columns}, addresses FROM alphapulse.keys WHERE account = %(account)s",
        hint="Create a read-only key on the exchange's website and replace the account's key.",
    )
