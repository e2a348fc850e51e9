-- Keys begin with the account: one search of the index finds each.
SELECT account FROM (
    WITH RECURSIVE found AS (
        (SELECT account FROM alphapulse.{dataset} ORDER BY account LIMIT 1)
        UNION ALL
        SELECT (
            SELECT t.account FROM alphapulse.{dataset} AS t
            WHERE t.account > found.account ORDER BY t.account LIMIT 1
        )
        FROM found WHERE found.account IS NOT NULL
    )
    SELECT account FROM found WHERE account IS NOT NULL
) AS {dataset}
