-- register --
-- Record a deployed account, and whose sub-account it is.
INSERT INTO alphapulse.accounts AS a (account, parent, sub_account)
VALUES (%(account)s, %(parent)s, %(sub_account)s)
ON CONFLICT (account) DO UPDATE
    SET parent = excluded.parent, sub_account = excluded.sub_account
    WHERE (a.parent, a.sub_account) IS DISTINCT FROM (excluded.parent, excluded.sub_account);

-- retire --
-- Forget the accounts that are not deployed.
DELETE FROM alphapulse.accounts WHERE account <> all(%(deployed)s::text[]);

-- forget --
-- Delete the sub-accounts that are no longer listed.
DELETE FROM alphapulse.sub_accounts
WHERE account = %(account)s AND sub_account <> all(%(listed)s::text[]);

-- store --
-- Record a sub-account that the exchange lists.
INSERT INTO alphapulse.sub_accounts AS s (account, sub_account, name, frozen, listed_at)
VALUES (%(account)s, %(sub_account)s, %(name)s, %(frozen)s, now())
ON CONFLICT (account, sub_account) DO UPDATE
    SET name = excluded.name, frozen = excluded.frozen, listed_at = excluded.listed_at;

-- note_unlisted --
-- Record why the exchange does not list an account's sub-accounts; NULL: it does.
UPDATE alphapulse.accounts SET unlisted = %(reason)s
WHERE account = %(account)s AND unlisted IS DISTINCT FROM %(reason)s;

-- listed --
-- The sub-accounts of an account, and the account that each is deployed as.
SELECT s.sub_account, s.name, s.frozen, a.account AS deployed_as
FROM alphapulse.sub_accounts AS s
LEFT JOIN alphapulse.accounts AS a ON s.account = a.parent AND s.sub_account = a.sub_account
WHERE s.account = %(account)s
ORDER BY s.name, s.sub_account;
