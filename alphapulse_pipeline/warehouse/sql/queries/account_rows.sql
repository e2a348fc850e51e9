-- tables --
-- The tables whose rows belong to an account; derived tables and views are left out.
SELECT c.relname
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_attribute AS a ON c.oid = a.attrelid
WHERE
    c.relnamespace = 'alphapulse'::regnamespace AND c.relkind IN ('r', 'p')
    AND NOT c.relispartition AND a.attname = 'account' AND NOT a.attisdropped
ORDER BY c.relname;

-- derived --
-- The tables of the portfolio, which a refresh calculates again from nothing.
SELECT c.relname
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'portfolio'::regnamespace AND c.relkind = 'r'
ORDER BY c.relname;

-- count --
-- How many rows of a table are an account's.
SELECT count(*) FROM {table} WHERE account = %(account)s;

-- rename --
-- The rows of an account get its new name.
UPDATE {table} SET account = %(new)s WHERE account = %(account)s;

-- rename_parent --
-- The sub-accounts of a renamed account get its new name.
UPDATE alphapulse.accounts SET parent = %(new)s WHERE parent = %(account)s;

-- forget --
-- The rows of an account are deleted.
DELETE FROM {table} WHERE account = %(account)s;

-- clear --
-- A derived table is emptied.
TRUNCATE {derived};
