-- is_in_currency --
-- Whether the stored prices are in this currency.
SELECT exists(SELECT FROM portfolio.prices WHERE asset = %(currency)s AND at = '-infinity');

-- has_tolerance --
-- Whether the stored prices were compared by this tolerance.
SELECT exists(SELECT FROM portfolio.price_settings WHERE tolerance = %(tolerance)s);

-- set_tolerance --
-- What the prices are compared by from now on.
INSERT INTO portfolio.price_settings AS s (tolerance) VALUES (%(tolerance)s)
ON CONFLICT (one) DO UPDATE SET tolerance = excluded.tolerance
WHERE s.tolerance <> excluded.tolerance;

-- set_currency --
-- The reporting currency costs 1 at all times.
INSERT INTO portfolio.prices (asset, at, price, path, evidence_at)
VALUES (%(currency)s, '-infinity', 1, '{}', '-infinity');

-- new_snapshots --
-- Each account's snapshots of prices since the last refresh, as a range of times.
CREATE TEMP TABLE new_snapshots ON COMMIT DROP AS
SELECT d.account, known.captured_at AS since, newest.captured_at AS up_to
FROM alphapulse.datasets AS d
CROSS JOIN LATERAL (
    SELECT captured_at FROM alphapulse.snapshots AS s
    WHERE s.account = d.account AND s.dataset = 'prices' ORDER BY captured_at DESC LIMIT 1
) AS newest
LEFT JOIN portfolio.priced AS known ON known.account = d.account
WHERE d.dataset = 'prices';

-- record_progress --
-- The newest snapshot of each account whose prices are in.
INSERT INTO portfolio.priced AS p (account, captured_at) SELECT account, up_to FROM new_snapshots
ON CONFLICT (account) DO UPDATE SET captured_at = excluded.captured_at
WHERE p.captured_at <> excluded.captured_at;

-- pieces --
-- The spans of time that new evidence can change, in pieces. An hour's evidence counts at any time
-- until it is too old.
WITH evidence AS (
    SELECT s.captured_at AS at FROM new_snapshots
    INNER JOIN alphapulse.snapshots AS s
        ON s.account = new_snapshots.account AND s.dataset = 'prices'
        AND s.captured_at > coalesce(new_snapshots.since, '-infinity')
        AND s.captured_at <= new_snapshots.up_to
    UNION ALL
    SELECT t.executed_at FROM alphapulse.datasets AS d
    INNER JOIN alphapulse.trades AS t ON t.account = d.account AND t.recorded_at >= %(since)s
    CROSS JOIN LATERAL alphapulse.market_of(t.account, t.market) AS m
    WHERE d.dataset = 'trades' AND m.kind = 'spot'
    UNION ALL
    SELECT c.opened_at + interval '1 day' FROM alphapulse.datasets AS d
    INNER JOIN alphapulse.candles AS c ON c.account = d.account AND c.recorded_at >= %(since)s
    WHERE d.dataset = 'candles'
    UNION ALL
    SELECT r.happened_at FROM portfolio.rewritten AS r
    CROSS JOIN LATERAL alphapulse.market_of(r.account, r.market) AS m
    WHERE r.recorded_at >= %(since)s AND r.dataset = 'trades' AND m.kind = 'spot'
), hours AS (
    SELECT DISTINCT date_bin('1 hour', at, 'epoch') AS hour FROM evidence
), spans AS (
    SELECT unnest(range_agg(tstzrange(hour, hour + %(max_age)s + interval '1 hour'))) AS span
    FROM hours
)
SELECT start, least(start + %(piece)s, upper(span))
FROM spans, generate_series(lower(span), upper(span) - interval '1 hour', %(piece)s) AS start
ORDER BY start;

-- calculate --
-- The prices of one piece of time. Dated futures trade away from spot, and
-- a contract settled in a third currency is no price in its quote: neither is evidence.
-- A price is disputed where a different source, read at about the same time, differs by more than
-- the tolerance. A source is one account's price of a market of the asset. Left out are the markets
-- that have the asset as their quote: among the many that a stablecoin has, one is always off.
-- `standing`: 2 of bid and ask, 1 of a last price, which may be old, 0 where bid and ask themselves
-- differ by more than the tolerance. Only a source of at least the same standing disputes a price.
WITH RECURSIVE accounts AS MATERIALIZED (
    SELECT DISTINCT account FROM alphapulse.datasets
), snapshot_times AS MATERIALIZED (
    SELECT DISTINCT s.captured_at AS at FROM accounts
    INNER JOIN alphapulse.snapshots AS s
        ON s.account = accounts.account AND s.dataset = 'prices'
        AND s.captured_at >= %(starting)s AND s.captured_at < %(ending)s
), closes AS MATERIALIZED (
    SELECT c.opened_at + interval '1 day' AS at, c.account, c.market, c.close FROM accounts
    INNER JOIN alphapulse.candles AS c
        ON c.account = accounts.account AND c.opened_at >= %(starting)s - interval '1 day'
        AND c.opened_at < %(ending)s - interval '1 day'
), traded AS (
    (SELECT account, market FROM alphapulse.trades ORDER BY account, market LIMIT 1)
    UNION ALL
    SELECT next.account, next.market FROM traded CROSS JOIN LATERAL (
        SELECT t.account, t.market FROM alphapulse.trades AS t
        WHERE (t.account, t.market) > (traded.account, traded.market)
        ORDER BY t.account, t.market LIMIT 1
    ) AS next
), spot AS MATERIALIZED (
    SELECT traded.account, traded.market FROM traded
    CROSS JOIN LATERAL alphapulse.market_of(traded.account, traded.market) AS m
    WHERE m.kind = 'spot'
), fill_times AS (
    SELECT max(t.executed_at) AS at FROM accounts
    INNER JOIN alphapulse.trades AS t
        ON t.account = accounts.account
        AND t.executed_at >= %(starting)s AND t.executed_at < %(ending)s
    INNER JOIN spot ON spot.account = t.account AND spot.market = t.market
    GROUP BY date_bin('1 hour', t.executed_at, 'epoch')
), times AS MATERIALIZED (
    SELECT at FROM snapshot_times
    UNION
    SELECT at FROM closes
    UNION
    SELECT at FROM fill_times WHERE date_bin('1 hour', at, 'epoch') NOT IN (
        SELECT date_bin('1 hour', at, 'epoch') FROM snapshot_times)
), evidence AS (
    SELECT times.at, p.market, p.captured_at AS evidence_at, 0 AS source, p.account,
           CASE WHEN p.bid > 0 AND p.ask > 0 THEN (p.bid + p.ask) * 0.5 ELSE p.last END AS price,
           CASE WHEN p.bid > 0 AND p.ask > 0
                THEN CASE WHEN (p.ask - p.bid) * 200 > %(tolerance)s * (p.ask + p.bid)
                          THEN 0 ELSE 2 END
                ELSE 1 END AS standing
    FROM times CROSS JOIN accounts
    CROSS JOIN LATERAL (
        SELECT captured_at FROM alphapulse.snapshots AS s
        WHERE s.account = accounts.account AND s.dataset = 'prices'
          AND s.captured_at <= times.at AND s.captured_at >= times.at - %(max_age)s
        ORDER BY captured_at DESC LIMIT 1
    ) AS newest
    INNER JOIN alphapulse.prices AS p
        ON p.account = accounts.account AND p.captured_at = newest.captured_at
    UNION ALL
    SELECT times.at, spot.market, newest.executed_at, 1, spot.account, newest.price, 1
    FROM times CROSS JOIN spot
    CROSS JOIN LATERAL (
        SELECT executed_at, price FROM alphapulse.trades AS t
        WHERE t.account = spot.account AND t.market = spot.market
          AND t.executed_at <= times.at AND t.executed_at >= times.at - %(max_age)s
        ORDER BY executed_at DESC, trade_id DESC, side DESC LIMIT 1
    ) AS newest
    UNION ALL
    SELECT at, market, at AS evidence_at, 2, account, close, 1 FROM closes
), quotes AS (
    SELECT DISTINCT ON (at, market) at, market, evidence_at, price, account, standing
    FROM evidence WHERE price > 0
    ORDER BY at, market, evidence_at DESC, source, account
), edges AS MATERIALIZED (
    SELECT quotes.at, edge.asset, edge.into_asset, edge.numerator, edge.denominator, quotes.market,
           m.kind <> 'spot' AS derivative, quotes.evidence_at, edge.inverted, quotes.standing,
           quotes.market || ' of ' || quotes.account AS source
    FROM quotes
    CROSS JOIN LATERAL alphapulse.market_of(quotes.account, quotes.market) AS m
    CROSS JOIN LATERAL (
        VALUES (m.base, m.quote, quotes.price, 1::numeric, FALSE),
               (m.quote, m.base, 1::numeric, quotes.price, TRUE)
    ) AS edge (asset, into_asset, numerator, denominator, inverted)
    WHERE m.kind IN ('spot', 'swap') AND m.settle IN ('', m.base, m.quote)
      AND m.base <> '' AND m.quote <> ''
), one AS MATERIALIZED (
    SELECT DISTINCT ON (at, asset, derivative) at, asset, numerator, denominator,
           ARRAY[market] AS path, derivative, evidence_at, ARRAY[source] AS sources,
           '{}'::text[] AS via
    FROM edges WHERE into_asset = %(currency)s
    ORDER BY at, asset, derivative, evidence_at DESC, market
), two AS MATERIALIZED (
    SELECT DISTINCT ON (at, e.asset, e.derivative OR o.derivative) at, e.asset,
           e.numerator * o.numerator AS numerator, e.denominator * o.denominator AS denominator,
           e.market || o.path AS path, e.derivative OR o.derivative AS derivative,
           least(e.evidence_at, o.evidence_at) AS evidence_at, e.source || o.sources AS sources,
           ARRAY[o.asset] AS via
    FROM one AS o INNER JOIN edges AS e USING (at)
    WHERE e.into_asset = o.asset AND e.asset <> %(currency)s
      AND NOT EXISTS (SELECT FROM one WHERE one.at = e.at AND one.asset = e.asset)
    ORDER BY at, e.asset, e.derivative OR o.derivative,
             least(e.evidence_at, o.evidence_at) DESC, e.market || o.path
), three AS (
    SELECT at, e.asset, e.numerator * o.numerator, e.denominator * o.denominator,
           e.market || o.path, e.derivative OR o.derivative, least(e.evidence_at, o.evidence_at),
           e.source || o.sources, o.asset || o.via
    FROM two AS o INNER JOIN edges AS e USING (at)
    WHERE e.into_asset = o.asset AND e.asset <> %(currency)s
      AND NOT EXISTS (SELECT FROM one WHERE one.at = e.at AND one.asset = e.asset)
      AND NOT EXISTS (SELECT FROM two WHERE two.at = e.at AND two.asset = e.asset)
), unbridged AS MATERIALIZED (
    SELECT * FROM one UNION ALL SELECT * FROM two UNION ALL SELECT * FROM three
), bridged_one AS MATERIALIZED (
    SELECT DISTINCT ON (e.at, e.asset) e.at, e.asset, e.numerator * b.price AS numerator,
           e.denominator, ARRAY[e.market, b.asset] AS path, e.derivative, e.evidence_at,
           ARRAY[e.source, b.asset] AS sources, '{}'::text[] AS via
    FROM portfolio.bridges AS b INNER JOIN edges AS e ON e.into_asset = b.asset AND e.at < b.at
    WHERE e.asset <> all(%(stable)s)
      AND NOT EXISTS (SELECT FROM unbridged WHERE unbridged.at = e.at AND unbridged.asset = e.asset)
    ORDER BY e.at, e.asset, e.derivative, e.evidence_at DESC, ARRAY[e.market, b.asset]
), bridged_two AS (
    SELECT at, e.asset, e.numerator * o.numerator, e.denominator * o.denominator,
           e.market || o.path, e.derivative OR o.derivative, least(e.evidence_at, o.evidence_at),
           e.source || o.sources, o.asset || o.via
    FROM bridged_one AS o INNER JOIN edges AS e USING (at)
    WHERE e.into_asset = o.asset AND e.asset <> all(%(stable)s)
      AND NOT EXISTS (SELECT FROM unbridged WHERE unbridged.at = e.at AND unbridged.asset = e.asset)
      AND NOT EXISTS (SELECT FROM bridged_one AS b WHERE b.at = e.at AND b.asset = e.asset)
), calculated AS MATERIALIZED (
    SELECT DISTINCT ON (asset, at) asset, at, path, evidence_at, derivative, sources, via,
           CASE denominator WHEN 1 THEN numerator ELSE numerator / denominator END AS price
    FROM (
        SELECT * FROM unbridged
        UNION ALL SELECT * FROM bridged_one
        UNION ALL SELECT * FROM bridged_two
    ) AS paths
    ORDER BY asset, at, derivative, evidence_at DESC, path
), known AS MATERIALIZED (
    SELECT at, asset, price, path, evidence_at, derivative, sources FROM calculated
    UNION ALL
    SELECT at, %(currency)s, 1, '{}', 'infinity', FALSE, '{}' FROM times
), different AS MATERIALIZED (
    SELECT DISTINCT ON (c.at, c.asset) c.at, c.asset, c.price, other.price AS other_price,
           (e.market || ' of ' || e.account) || base.sources AS sources
    FROM calculated AS c
    INNER JOIN edges AS chosen
        ON chosen.at = c.at AND chosen.asset = c.asset AND chosen.market = c.path[1]
    INNER JOIN edges
        ON edges.at = c.at AND edges.asset = c.asset
        AND (NOT edges.inverted OR edges.market = c.path[1])
    INNER JOIN evidence AS e
        ON e.at = c.at AND e.market = edges.market AND e.source = 0 AND e.price > 0
        AND e.standing > 0 AND e.standing >= chosen.standing
    INNER JOIN known AS base
        ON base.at = c.at AND base.asset = edges.into_asset
        AND cardinality(base.path) <= cardinality(c.path)
        AND (edges.derivative OR base.derivative) <= c.derivative
        AND least(e.evidence_at, base.evidence_at) >= c.evidence_at - %(together)s
    CROSS JOIN LATERAL (
        SELECT CASE WHEN edges.inverted THEN base.price / e.price ELSE base.price * e.price END
            AS price
    ) AS other
    WHERE abs(other.price - c.price) * 100 > %(tolerance)s * c.price
    ORDER BY c.at, c.asset, abs(other.price - c.price) DESC, e.account, e.market
), disputes AS ( -- of an asset, or of one that its path leads through
    SELECT DISTINCT ON (c.at, c.asset) c.at, c.asset,
           CASE step.number WHEN 1 THEN d.other_price ELSE c.price * d.other_price / d.price END
               AS other_price,
           ARRAY[array_to_string(c.sources, ', '),
                 array_to_string(c.sources[:step.number - 1] || d.sources, ', ')] AS sources
    FROM calculated AS c
    CROSS JOIN LATERAL unnest(c.asset || c.via) WITH ORDINALITY AS step (asset, number)
    INNER JOIN different AS d ON d.at = c.at AND d.asset = step.asset
    ORDER BY c.at, c.asset, abs(d.other_price - d.price) / d.price DESC, step.number
), deleted AS (
    DELETE FROM portfolio.prices AS p WHERE p.at >= %(starting)s AND p.at < %(ending)s
    AND NOT EXISTS (SELECT FROM calculated AS c WHERE c.asset = p.asset AND c.at = p.at)
    RETURNING p.asset, p.at
), written AS (
    INSERT INTO portfolio.prices AS p
        (asset, at, price, path, evidence_at, other_price, sources)
    SELECT c.asset, c.at, trim_scale(c.price), c.path, c.evidence_at, trim_scale(d.other_price),
           d.sources
    FROM calculated AS c LEFT JOIN disputes AS d USING (asset, at)
    ON CONFLICT (asset, at) DO UPDATE SET price = excluded.price, path = excluded.path,
        evidence_at = excluded.evidence_at, other_price = excluded.other_price,
        sources = excluded.sources, recorded_at = clock_timestamp()
    WHERE (p.price, p.path, p.evidence_at, p.other_price, p.sources)
        IS DISTINCT FROM (excluded.price, excluded.path, excluded.evidence_at,
                          excluded.other_price, excluded.sources)
    RETURNING asset, at, xmax <> 0 AS changed
), logged AS (
    INSERT INTO portfolio.rewritten (account, dataset, market, happened_at)
    SELECT '', 'prices', asset, at FROM deleted
    UNION ALL
    SELECT '', 'prices', asset, at FROM written WHERE changed
)
SELECT count(*) FROM written;

-- bridges --
-- The first known price of each stable coin, and the pieces of time that a new one can change. A
-- stable coin is never priced through the bridge of a different one.
WITH found AS (
    SELECT coin AS asset, first.at, first.price
    FROM unnest(%(stable)s::text[]) AS coin
    CROSS JOIN LATERAL (
        SELECT at, price FROM portfolio.prices WHERE asset = coin AND isfinite(at)
        ORDER BY at LIMIT 1
    ) AS first
    WHERE %(currency)s = 'USD'
), changed AS (
    SELECT asset, known.at AS known_at, found.at AS found_at
    FROM portfolio.bridges AS known FULL JOIN found USING (asset)
    WHERE (known.at, known.price) IS DISTINCT FROM (found.at, found.price)
), deleted AS (
    DELETE FROM portfolio.bridges AS b USING changed
    WHERE b.asset = changed.asset AND found_at IS NULL
), written AS (
    INSERT INTO portfolio.bridges SELECT found.* FROM found INNER JOIN changed USING (asset)
    ON CONFLICT (asset) DO UPDATE SET at = excluded.at, price = excluded.price
), first AS (
    SELECT min(oldest.at) AS at FROM (SELECT DISTINCT account FROM alphapulse.datasets) AS a
    CROSS JOIN LATERAL (
        (SELECT executed_at AS at FROM alphapulse.trades AS t WHERE t.account = a.account
         ORDER BY executed_at LIMIT 1)
        UNION ALL
        (SELECT captured_at FROM alphapulse.snapshots AS s
         WHERE s.account = a.account AND s.dataset = 'prices' ORDER BY captured_at LIMIT 1)
    ) AS oldest
), span AS (
    SELECT date_bin('1 hour', first.at, 'epoch') AS start,
           date_bin('1 hour', max(greatest(known_at, found_at)), 'epoch') + interval '1 hour'
               AS ending
    FROM first, changed GROUP BY first.at
)
SELECT piece, least(piece + %(piece)s, ending)
FROM span, generate_series(start, ending - interval '1 hour', %(piece)s) AS piece
ORDER BY piece;
