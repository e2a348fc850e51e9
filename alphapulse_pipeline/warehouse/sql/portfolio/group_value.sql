-- The value of a master account and its deployed sub-accounts together, at each time at which one
-- of them was read: the last value of each. A transfer among them changes nothing.
CREATE OR REPLACE VIEW portfolio.group_value AS
SELECT
    t.master, t.at, sum(v.value) AS value, sum(v.carried) AS carried,
    sum(v.uncertainty) AS uncertainty, count(*) AS accounts,
    CASE
        WHEN bool_or(v.state = 'partial') THEN 'partial'
        WHEN bool_or(v.state = 'carried') THEN 'carried'
        WHEN bool_or(v.state = 'provisional') THEN 'provisional'
        ELSE 'final'
    END AS state
FROM (
    SELECT DISTINCT g.master, v.at
    FROM portfolio.groups AS g INNER JOIN portfolio.value AS v USING (account)
) AS t
INNER JOIN portfolio.groups AS g USING (master)
CROSS JOIN LATERAL (
    SELECT p.value, p.carried, p.uncertainty, p.state FROM portfolio.value AS p
    WHERE p.account = g.account AND p.at <= t.at ORDER BY p.at DESC LIMIT 1
) AS v
GROUP BY t.master, t.at;
