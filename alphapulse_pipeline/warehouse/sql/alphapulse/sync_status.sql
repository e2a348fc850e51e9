-- One row per dataset of each account: its last run, its next run, its rows and its coverage.

-- A run that is started and whose account's lock is not held has died: see warehouse/connection.py,
-- which computes the same key of the lock.
CREATE OR REPLACE VIEW alphapulse.sync_status AS
WITH gaps AS (
    SELECT
        account, dataset, stream, count(*) AS gaps,
        sum(extract(EPOCH FROM upper(gap) - lower(gap))) AS seconds
    FROM alphapulse.coverage_gaps
    GROUP BY account, dataset, stream
), proof AS (
    SELECT
        s.account, s.dataset,
        sum(extract(EPOCH FROM upper(s.wanted) - lower(s.wanted))) AS wanted,
        sum(coalesce(gaps.seconds, 0)) AS missing,
        sum(coalesce(gaps.gaps, 0)) AS gaps
    FROM alphapulse.streams AS s
    LEFT JOIN gaps USING (account, dataset, stream)
    LEFT JOIN alphapulse.skipped AS n
        ON s.account = n.account AND s.dataset = n.dataset AND s.stream = n.part
    WHERE NOT isempty(s.wanted) AND coalesce(n.state, 'closed') = 'closed'
    GROUP BY s.account, s.dataset
), lost AS (
    SELECT account, dataset, count(*) AS ranges
    FROM alphapulse.coverage_unreachable
    GROUP BY account, dataset
), stale AS (
    SELECT account, dataset, count(*) AS streams
    FROM alphapulse.streams_stale
    GROUP BY account, dataset
), known AS (
    SELECT DISTINCT account, dataset FROM alphapulse.streams
), held AS (
    SELECT (classid::bigint << 32) | objid::bigint AS key
    FROM pg_catalog.pg_locks
    WHERE
        locktype = 'advisory' AND granted AND objsubid = 1
        AND database = (
            SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()
        )
)
SELECT
    d.account,
    d.dataset,
    d.exchange,
    CASE
        WHEN NOT d.supported THEN 'unsupported'
        WHEN NOT d.deployed THEN 'skipped'
        WHEN attempt.status = 'started' AND lock.busy THEN 'in progress'
        WHEN broken.finding IS NOT NULL THEN 'failed'
        WHEN attempt.status IN ('started', 'failed') THEN 'failed'
        WHEN breaker.is_open THEN 'skipped'
        WHEN attempt.status IS NULL THEN 'pending'
        ELSE attempt.status
    END AS status,
    success.finished_at AS last_success,
    attempt.started_at AS last_attempt,
    CASE
        WHEN broken.finding IS NOT NULL THEN NULL
        WHEN breaker.is_open THEN greatest(d.next_tick, circuit.retry_at)
        WHEN d.deployed THEN d.next_tick
    END AS next_tick,
    coalesce(newest.rows, d.stored) AS rows,
    CASE
        WHEN proof.wanted IS NULL THEN NULL
        WHEN proof.wanted = 0 THEN 1
        ELSE trunc(1 - proof.missing / proof.wanted, 4)
    END AS coverage,
    proof.gaps::integer AS gaps,
    coalesce(circuit.state, 'closed') AS circuit,
    CASE
        WHEN d.deployed AND broken.finding IS NOT NULL THEN 'settings'
        WHEN attempt.status = 'started' AND NOT lock.busy THEN 'died'
        ELSE attempt.error_kind
    END AS error_kind,
    CASE
        WHEN d.deployed AND broken.finding IS NOT NULL
            THEN 'not synced, because its file has a mistake: ' || broken.finding
        WHEN attempt.status = 'started' AND NOT lock.busy
            THEN 'the run died: its process ended without reporting an error'
        WHEN NOT d.deployed
            THEN 'the account is no longer deployed: its rows are kept, and not refreshed'
        WHEN attempt.status = 'failed' OR NOT breaker.is_open THEN attempt.error
        ELSE 'the circuit breaker is open: ' || circuit.reason
    END AS error,
    CASE WHEN known.dataset IS NOT NULL THEN coalesce(lost.ranges, 0)::integer END AS unreachable,
    CASE WHEN known.dataset IS NOT NULL THEN coalesce(stale.streams, 0)::integer END AS stale,
    skipped.parts AS not_enabled,
    rejected.rows::integer AS rejected
FROM alphapulse.datasets AS d
CROSS JOIN LATERAL (
    SELECT
        hashtextextended('alphapulse account ' || d.account, 0) IN (SELECT held.key FROM held)
            AS busy
) AS lock
LEFT JOIN LATERAL (
    SELECT * FROM alphapulse.sync_log AS s
    WHERE s.account = d.account AND s.dataset = d.dataset
    ORDER BY s.id DESC LIMIT 1
) AS attempt ON TRUE
LEFT JOIN LATERAL (
    SELECT s.finished_at FROM alphapulse.sync_log AS s
    WHERE s.account = d.account AND s.dataset = d.dataset AND s.status = 'completed'
    ORDER BY s.id DESC LIMIT 1
) AS success ON TRUE
LEFT JOIN LATERAL (
    SELECT s.rows FROM alphapulse.snapshots AS s
    WHERE s.account = d.account AND s.dataset = d.dataset
    ORDER BY s.captured_at DESC LIMIT 1
) AS newest ON TRUE
LEFT JOIN proof ON d.account = proof.account AND d.dataset = proof.dataset
LEFT JOIN lost ON d.account = lost.account AND d.dataset = lost.dataset
LEFT JOIN stale ON d.account = stale.account AND d.dataset = stale.dataset
LEFT JOIN known ON d.account = known.account AND d.dataset = known.dataset
LEFT JOIN alphapulse.circuit ON d.account = circuit.account
LEFT JOIN alphapulse.failed_checks AS broken
    ON d.account = broken.account AND broken.dataset = '' AND broken.check_name = 'settings'
CROSS JOIN LATERAL (
    SELECT array_agg(s.part ORDER BY s.part) AS parts
    FROM alphapulse.skipped AS s
    WHERE
        s.account = d.account AND s.dataset IN ('', d.dataset)
        AND (s.state = 'not_enabled' OR (s.state = 'closed' AND s.dataset = ''))
) AS skipped
CROSS JOIN LATERAL (
    SELECT count(*) AS rows FROM alphapulse.rejected AS r
    WHERE r.account = d.account AND r.dataset = d.dataset
) AS rejected
CROSS JOIN LATERAL (
    SELECT coalesce(circuit.state = 'open' AND circuit.retry_at > now(), FALSE) AS is_open
) AS breaker
ORDER BY d.account, d.dataset;
