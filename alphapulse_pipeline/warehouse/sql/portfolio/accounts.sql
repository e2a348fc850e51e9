-- Every account that has rows that move balances, or snapshots.

-- Keys begin with the account: one search of the index finds each.
CREATE OR REPLACE VIEW portfolio.accounts AS
{% for table in tables %}
SELECT account FROM (
    WITH RECURSIVE found AS (
        (SELECT account FROM alphapulse.{{ table }} ORDER BY account LIMIT 1)
        UNION ALL
        SELECT (
            SELECT t.account FROM alphapulse.{{ table }} AS t
            WHERE t.account > found.account ORDER BY t.account LIMIT 1
        )
        FROM found WHERE found.account IS NOT NULL
    )
    SELECT account FROM found WHERE account IS NOT NULL
) AS {{ table }}
{% if not loop.last %}UNION{% endif %}
{% endfor %};
