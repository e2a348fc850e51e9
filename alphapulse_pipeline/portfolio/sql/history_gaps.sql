-- synced_up_to --
-- Until when each history of each account is synced.
SELECT d.account, d.dataset, max(upper(s.wanted)) AS up_to
FROM alphapulse.datasets AS d LEFT JOIN alphapulse.streams AS s USING (account, dataset)
WHERE d.supported AND d.deployed AND d.dataset = any(%(histories)s)
GROUP BY d.account, d.dataset;

-- not_synced --
-- The histories that an account's configuration leaves out.
SELECT a.account, array_agg(h.dataset ORDER BY h.dataset)
FROM (SELECT DISTINCT account FROM alphapulse.datasets WHERE exchange <> '') AS a
CROSS JOIN unnest(%(histories)s::text[]) AS h (dataset)
WHERE NOT EXISTS (SELECT FROM alphapulse.datasets AS d
                  WHERE d.account = a.account AND d.dataset = h.dataset AND d.deployed)
GROUP BY a.account;

-- gaps --
-- The times that the histories lack: gaps, which a later run may close, and unreachable times.
SELECT account, FALSE AS unreachable, dataset, lower(gap) AS start, upper(gap) AS ending, reason
FROM alphapulse.coverage_gaps
WHERE dataset = any(%(histories)s) AND upper(gap) > %(since)s
UNION ALL
SELECT account, TRUE, dataset, lower(gap), upper(gap), reason
FROM alphapulse.coverage_unreachable
WHERE dataset = any(%(histories)s) AND upper(gap) > %(since)s;
