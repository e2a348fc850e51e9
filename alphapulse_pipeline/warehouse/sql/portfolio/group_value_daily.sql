-- What portfolio.value_daily says of each account, for a master account and its deployed
-- sub-accounts together. Transfers among them are no flows: both sides are valued at one price.
CREATE OR REPLACE VIEW portfolio.group_value_daily AS
SELECT
    s.master, s.day, s.value, s.flows, s.added, s.profit,
    CASE
        WHEN s.opening + greatest(s.flows, 0) > 0
            THEN (s.value - least(s.flows, 0)) / (s.opening + greatest(s.flows, 0))
    END AS growth,
    s.accounts, (ARRAY['final', 'provisional', 'carried', 'partial', 'broken'])[s.rank] AS state,
    s.reason
FROM (
    SELECT
        g.master, v.day, sum(v.value) AS value, sum(v.flows) AS flows, sum(v.added) AS added,
        sum(v.profit) AS profit, sum(v.value - v.profit - v.flows) AS opening,
        count(*) AS accounts, max(r.rank) AS rank,
        coalesce((
            array_agg(v.account || ': ' || v.reason ORDER BY r.rank DESC, v.account)
            FILTER (WHERE v.reason <> '')
        )[1], '') AS reason
    FROM portfolio.groups AS g INNER JOIN portfolio.value_daily AS v USING (account)
    CROSS JOIN LATERAL (
        SELECT array_position(
            ARRAY['final', 'provisional', 'carried', 'partial', 'broken'], v.state
        ) AS rank
    ) AS r
    GROUP BY g.master, v.day
) AS s;
