-- Which accounts belong together: a master account and its deployed sub-accounts, each with the
-- name of the master account.
CREATE OR REPLACE VIEW portfolio.groups AS
SELECT coalesce(nullif(parent, ''), account) AS master, account FROM alphapulse.accounts;
