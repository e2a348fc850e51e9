-- merge --
-- Insert the staged rows, update those that differ, and count both. Whether a row is stored is
-- decided by the table's key alone, never by a plan: tables that grow have old statistics.
WITH merged AS (
    INSERT INTO {table} AS t ({columns})
    SELECT {columns} FROM {stage}
    ON CONFLICT ({key}) DO UPDATE
        SET {assignments}
        WHERE ({stored}) IS DISTINCT FROM ({staged}) {guard}
    RETURNING xmax = 0 AS inserted
)

SELECT
    count(*) FILTER (WHERE inserted),
    count(*) FILTER (WHERE NOT inserted)
FROM merged;

-- moved --
-- The stored rows whose key was staged with another time. None of them is changed.
INSERT INTO {table} AS t ({columns})
SELECT {columns} FROM {stage}
ON CONFLICT ({key}) DO UPDATE
    SET {time} = t.{time}
    WHERE NOT ({same_time}) {guard}
RETURNING {own_key}, t.{time}, t.raw::text;
