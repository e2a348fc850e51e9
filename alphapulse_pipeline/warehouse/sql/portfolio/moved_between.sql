-- What moved each balance of an account after one time and up to another, instant by instant.
-- loans is what was borrowed less what was repaid; missing_fill is a fill that trades or the ledger
-- lack, and which of them.

CREATE OR REPLACE FUNCTION portfolio.moved_between(
    account_ text, after_ timestamptz, until_ timestamptz
) RETURNS TABLE (
    wallet text, asset text, happened_at timestamptz, fills numeric, fees numeric,
    transfers numeric, funding numeric, conversions numeric, other numeric, amount numeric,
    loans numeric, missing_fill text
) LANGUAGE sql STABLE AS $$
    SELECT wallet, asset, happened_at,
           coalesce(sum(amount) FILTER (WHERE part = 'fills'), 0),
           coalesce(sum(amount) FILTER (WHERE part = 'fees'), 0),
           coalesce(sum(amount) FILTER (WHERE part = 'transfers'), 0),
           coalesce(sum(amount) FILTER (WHERE part = 'funding'), 0),
           coalesce(sum(amount) FILTER (WHERE part = 'conversions'), 0),
           coalesce(sum(amount) FILTER (WHERE part = 'other'), 0),
           coalesce(sum(amount) FILTER (WHERE part <> 'loans'), 0),
           coalesce(sum(amount) FILTER (WHERE part = 'loans'), 0),
           coalesce(
               'the ledger has a fill that trades lack: '
               || min(entry) FILTER (WHERE dataset = 'ledger' AND part IN ('fills', 'fees')),
               'no entry of a ledger says what a fill realized: '
               || min(entry) FILTER (WHERE dataset = 'trades' AND NOT reported)
           )
    FROM (
        SELECT wallet, asset, happened_at, part, amount, dataset, entry, reported
        FROM portfolio.movements_between(account_, after_, until_)
        UNION ALL
        SELECT wallet, asset, happened_at, 'loans', amount, 'ledger', NULL, TRUE
        FROM alphapulse.ledger
        WHERE account = account_ AND class = 'loan'
          AND happened_at > after_ AND happened_at <= until_
    ) AS moves
    GROUP BY wallet, asset, happened_at
$$;
