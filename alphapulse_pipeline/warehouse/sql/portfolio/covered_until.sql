-- Up to when no history of a deployed account has a gap: of those that move balances, or of those
-- that prices are taken from. Lost times are no gaps: nothing will arrive there.

-- Of an hour without a snapshot of prices the last fill makes the price, and is not known before
-- the hour is over.
CREATE OR REPLACE FUNCTION portfolio.covered_until(for_prices boolean) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    WITH gaps AS (
        SELECT coalesce(min(coalesce(lower(u.span), '0001-01-01 UTC') + CASE u.dataset
            -- a day's close counts from its end
            WHEN 'candles' THEN interval '1 day' ELSE interval '0' END
        ), '9999-12-31 UTC') AS first
        FROM portfolio.unread AS u
        WHERE NOT u.lost
          AND CASE WHEN for_prices THEN u.dataset IN ('trades', 'candles') ELSE u.moves END
          AND EXISTS (SELECT FROM alphapulse.datasets AS d
                      WHERE d.account = u.account AND d.deployed)
    )
    SELECT CASE
        WHEN NOT for_prices OR EXISTS (
            SELECT FROM alphapulse.datasets AS d
            INNER JOIN alphapulse.snapshots AS s
                ON s.account = d.account AND s.dataset = 'prices'
            WHERE d.dataset = 'prices' AND s.captured_at >= date_bin('1 hour', first, 'epoch')
              AND s.captured_at < date_bin('1 hour', first, 'epoch') + interval '1 hour'
        ) THEN first
        ELSE date_bin('1 hour', first, 'epoch')
    END
    FROM gaps
$$;
