-- The statements that drop a view, or all functions of a name with the triggers that call them
SELECT statement
FROM (
    SELECT 1 AS place, 'DROP VIEW ' || oid::regclass AS statement
    FROM pg_class
    WHERE oid = to_regclass(%(name)s) AND relkind = 'v'
    UNION ALL
    SELECT 2, 'DROP TRIGGER ' || quote_ident(t.tgname) || ' ON ' || t.tgrelid::regclass
    FROM pg_trigger AS t
    INNER JOIN pg_proc AS p ON t.tgfoid = p.oid
    WHERE p.pronamespace::regnamespace || '.' || p.proname = %(name)s
    UNION ALL
    SELECT 3, 'DROP FUNCTION ' || p.oid::regprocedure
    FROM pg_proc AS p
    WHERE p.pronamespace::regnamespace || '.' || p.proname = %(name)s
) AS found
ORDER BY place;
