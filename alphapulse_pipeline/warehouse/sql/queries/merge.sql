-- merge --
-- Insert the staged rows, update those that differ, and count both.
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
