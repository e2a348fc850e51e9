-- What each entry of a history changes in the lots, at its value then: a movement with its price.
-- treatment says how the lots take it: swap, position, line, earned, carried or moved. Positions
-- change by contracts, and are valued at their entry in the settle currency.

-- One file per history: legs/<history>.sql, else legs/other.sql.
CREATE OR REPLACE VIEW portfolio.legs AS
{selects}
UNION ALL
SELECT
    o.account, NULL, o.asset, a.begins_at, 0, 1,
    CASE WHEN portfolio.is_position(o.asset) THEN 'position' ELSE 'swap' END, 'opening', o.amount,
    CASE
        WHEN NOT portfolio.is_position(o.asset)
            THEN o.amount * portfolio.price_at(o.asset, a.begins_at)
    END, NULL, NULL, 'opening ' || o.asset, NULL, NULL, NULL
FROM portfolio.openings AS o
INNER JOIN portfolio.lot_accounts AS a USING (account);
