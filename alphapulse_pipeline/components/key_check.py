"""What is asked of an account's API key, by what the exchange said of it last."""

from alphapulse_pipeline.components.check import Check

KEY = "key_is_read_only"
_FAILS = {
    "the key may withdraw: it is refused": "can_withdraw",
    "the key may trade, which is not allowed: it is refused": (
        "can_trade AND NOT %(allow_trading_keys)s"
    ),
    "the key may not read: it is refused": "NOT can_read",
    "the key has expired": "expires_at <= now()",
}
_WARNS = {
    "the key may trade, which allow_trading_keys allows": "can_trade AND %(allow_trading_keys)s",
    "the exchange does not tell what the key may do": (
        "checked_at IS NOT NULL AND (can_trade IS NULL OR can_withdraw IS NULL)"
    ),
    "the key expires within 14 days": "expires_at BETWEEN now() AND now() + interval '14 days'",
    "the exchange was not asked yet what the key may do": "checked_at IS NULL",
}


def key_check(dataset: str) -> Check:
    """The check of the key that an account is read with; it hangs on one of its datasets."""
    findings = ", ".join(
        f"({place}, '{finding}', {holds})"
        for place, (finding, holds) in enumerate((_FAILS | _WARNS).items())
    )
    columns = "can_read, can_trade, can_withdraw, expires_at, checked_at"
    return Check(
        dataset,
        KEY,
        "The API key can only read, as the exchange says. An error where it is refused, a warning "
        "where it may trade by leave, expires within 14 days, or where the exchange does not tell.",
        f"SELECT {columns}, finding FROM (SELECT) AS one LEFT JOIN alphapulse.keys"
        f" ON account = %(account)s CROSS JOIN LATERAL (VALUES {findings})"
        " AS found (place, finding, holds) WHERE holds ORDER BY place",
        warnings=frozenset(_WARNS),
        facts=f"SELECT {columns}, addresses FROM alphapulse.keys WHERE account = %(account)s",
        hint='README.md, section "Keys", tells how a read-only key is made.',
    )
