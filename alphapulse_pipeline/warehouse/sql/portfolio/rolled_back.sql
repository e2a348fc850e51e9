-- What an account held at a time before its first snapshot: that snapshot less what the histories
-- moved since. state says whether the histories are complete since then (see
-- portfolio.histories_state), or broken: what they lack is named in reason.

-- Where a balance would have been negative, at least that much left the wallet afterwards and is in
-- no history. Some wallets may owe: their ledger has a negative balance or a loan.
CREATE OR REPLACE FUNCTION portfolio.rolled_back(
    account_ text, at_ timestamptz, first_at timestamptz
) RETURNS TABLE (
    wallet text, asset text, total numeric, debt numeric, state text, reason text
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    -- whole days are added up already
    dusk CONSTANT timestamptz := date_trunc('day', at_, 'UTC') + interval '24 hours';
    dawn CONSTANT timestamptz := date_trunc('day', first_at, 'UTC');
    instant CONSTANT interval := interval '1 microsecond';
    complete text;
    lacking text;
BEGIN
    SELECT h.state, h.reason INTO complete, lacking
    FROM portfolio.histories_state(account_, at_, first_at) AS h;
    IF complete = 'final' AND NOT portfolio.is_added_up(account_, first_at) THEN
        complete := 'provisional';
        lacking := 'new rows are not added up yet: the next refresh of the portfolio does it';
    END IF;

    RETURN QUERY
    WITH steps AS (
        SELECT wallet, asset, day::timestamp AT TIME ZONE 'UTC' AS since, amount, loans, rise,
               rise_at, missing_fill
        FROM portfolio.movements_daily
        WHERE account = account_
          AND day >= (dusk AT TIME ZONE 'UTC')::date AND day < (dawn AT TIME ZONE 'UTC')::date
        UNION ALL
        SELECT wallet, asset, happened_at, amount, loans, amount, happened_at, missing_fill
        FROM portfolio.moved_between(account_, at_, least(dusk - instant, first_at))
        UNION ALL
        SELECT wallet, asset, happened_at, amount, loans, amount, happened_at, missing_fill
        FROM portfolio.moved_between(account_, dawn - instant, first_at)
        WHERE dusk <= dawn
    ), running AS (
        SELECT *, rise + coalesce(sum(amount) OVER (
            PARTITION BY wallet, asset ORDER BY since DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS risen FROM steps
    ), moved AS (
        SELECT wallet, asset, sum(amount) AS amount, sum(loans) AS loans, max(risen) AS risen,
               (array_agg(rise_at ORDER BY risen DESC, since DESC))[1] AS risen_at,
               min(missing_fill) AS missing_fill
        FROM running GROUP BY wallet, asset
    ), opened AS (
        SELECT wallet, asset, total, debt FROM alphapulse.balances
        WHERE account = account_ AND captured_at = first_at
    ), reading AS (
        SELECT DISTINCT m.wallet, m.asset
        FROM alphapulse.snapshots AS s
        CROSS JOIN LATERAL portfolio.movements_between(
            account_, first_at - interval '1 second',
            coalesce(s.read_until, first_at) + interval '1 second'
        ) AS m
        WHERE s.account = account_ AND s.dataset = 'balances' AND s.captured_at = first_at
          AND NOT EXISTS (
              SELECT FROM portfolio.reconciliation AS r
              WHERE r.account = account_ AND r.opened_at = first_at AND r.difference = 0
                AND r.wallet = m.wallet AND r.asset = m.asset)
    ), rolled AS (
        SELECT coalesce(o.wallet, m.wallet) AS wallet, coalesce(o.asset, m.asset) AS asset,
               coalesce(o.total, 0) - coalesce(m.amount, 0) AS total,
               coalesce(o.debt, 0) - coalesce(m.loans, 0) AS debt,
               coalesce(m.risen - coalesce(o.total, 0), 0) AS missing, m.risen_at, m.missing_fill
        FROM opened AS o FULL JOIN moved AS m ON o.wallet = m.wallet AND o.asset = m.asset
    ), judged AS (
        SELECT r.wallet, r.asset, r.total, r.debt,
               portfolio.is_read(account_, r.wallet, first_at) AS is_read,
               exists(SELECT FROM reading AS n WHERE n.wallet = r.wallet AND n.asset = r.asset)
                   AS in_reading,
               concat_ws('; ',
                   CASE WHEN r.missing > 0 AND NOT portfolio.may_owe(account_, r.wallet, r.asset)
                        THEN format('%s in wallet %s would have been negative: at least %s left it '
                                    'between %s and %s, and no history has it', r.asset, r.wallet,
                                    trim_scale(r.missing), portfolio.shown(r.risen_at),
                                    portfolio.shown(first_at)) END,
                   CASE WHEN r.debt < 0
                        THEN format('at least %s of %s were borrowed in wallet %s, and no history '
                                    'has it', trim_scale(-r.debt), r.asset, r.wallet) END,
                   r.missing_fill
               ) AS broken
        FROM rolled AS r
    )
    SELECT wallet, asset, CASE WHEN is_read THEN total END,
           CASE WHEN is_read THEN greatest(debt, 0) END,
           CASE WHEN complete = 'provisional' THEN complete
                WHEN NOT is_read THEN 'partial'
                WHEN complete = 'partial' THEN complete
                WHEN broken <> '' THEN 'broken'
                WHEN in_reading THEN 'partial' ELSE 'final' END,
           concat_ws('; ', nullif(lacking, ''),
               CASE WHEN NOT is_read
                    THEN format('the first snapshot did not read wallet %s', wallet)
                    ELSE nullif(broken, '') END,
               CASE WHEN is_read AND in_reading
                    THEN 'it moved in the seconds when the first snapshot was read' END)
    FROM judged
    WHERE NOT is_read OR total <> 0 OR debt <> 0 OR broken <> '';
END $$;
