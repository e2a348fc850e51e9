-- Every account that has snapshots, or rows that move balances.

CREATE OR REPLACE VIEW portfolio.accounts AS
SELECT DISTINCT account FROM (
{selects}
) AS all_accounts;
