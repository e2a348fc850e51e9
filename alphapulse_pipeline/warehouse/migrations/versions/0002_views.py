"""What people query: the newest snapshots, the open orders, the gaps, the state of every sync."""

from alembic import op

revision = "0002"
down_revision = "0001"

# The newest row of `snapshots` decides, so that an empty snapshot empties the view.
_LATEST = """
CREATE VIEW alphapulse.{dataset}_latest AS
SELECT rows.*
FROM alphapulse.datasets
CROSS JOIN LATERAL (
    SELECT captured_at FROM alphapulse.snapshots
    WHERE snapshots.account = datasets.account AND snapshots.dataset = datasets.dataset
    ORDER BY captured_at DESC LIMIT 1
) AS newest
JOIN alphapulse.{dataset} AS rows
    ON rows.account = datasets.account AND rows.captured_at = newest.captured_at
WHERE datasets.dataset = '{dataset}'
"""

_ORDERS_OPEN = """
CREATE VIEW alphapulse.orders_open AS
SELECT account, market, order_id, wallet, client_order_id, status, type, side, price, amount,
       filled, average, created_at, updated_at
FROM alphapulse.orders WHERE status = 'open'
"""

_COVERAGE_GAPS = """
CREATE VIEW alphapulse.coverage_gaps AS
SELECT account, dataset, stream, gap, coalesce(coverage.last_failure, 'never asked') AS reason
FROM alphapulse.streams
LEFT JOIN alphapulse.coverage USING (account, dataset, stream)
CROSS JOIN LATERAL unnest(
    tstzmultirange(streams.wanted)
    - coalesce(coverage.covered, '{}') - coalesce(coverage.unreachable, '{}')
) AS gap
"""

_COVERAGE_UNREACHABLE = """
CREATE VIEW alphapulse.coverage_unreachable AS
SELECT account, dataset, stream, gap,
       coalesce(unreachable_reason, 'the exchange no longer serves it') AS reason
FROM alphapulse.streams
JOIN alphapulse.coverage USING (account, dataset, stream)
CROSS JOIN LATERAL unnest(tstzmultirange(wanted) * unreachable - covered) AS gap
"""

# A stream is asked for once a day at least, even where each run asks for some of them only.
_STREAMS_STALE = """
CREATE VIEW alphapulse.streams_stale AS
SELECT account, dataset, stream, coalesce(upper(wanted), first_seen) AS last_asked
FROM alphapulse.streams
WHERE coalesce(upper(wanted), first_seen) < now() - interval '25 hours'
"""

_SYNC_STATUS = """
CREATE VIEW alphapulse.sync_status AS
WITH proof AS (
    SELECT streams.account, streams.dataset,
           sum(extract(epoch FROM upper(wanted) - lower(wanted))) AS wanted,
           sum(coalesce(open.seconds, 0)) AS missing,
           sum(coalesce(open.gaps, 0)) AS gaps
    FROM alphapulse.streams
    LEFT JOIN (
        SELECT account, dataset, stream, count(*) AS gaps,
               sum(extract(epoch FROM upper(gap) - lower(gap))) AS seconds
        FROM alphapulse.coverage_gaps GROUP BY account, dataset, stream
    ) AS open USING (account, dataset, stream)
    WHERE NOT isempty(wanted)
    GROUP BY streams.account, streams.dataset
), lost AS (
    SELECT account, dataset, count(*) AS ranges
    FROM alphapulse.coverage_unreachable GROUP BY account, dataset
), stale AS (
    SELECT account, dataset, count(*) AS streams
    FROM alphapulse.streams_stale GROUP BY account, dataset
), known AS (
    SELECT DISTINCT account, dataset FROM alphapulse.streams
), held AS (
    SELECT (classid::bigint << 32) | objid::bigint AS key
    FROM pg_catalog.pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
)
SELECT
    datasets.account,
    datasets.dataset,
    datasets.exchange,
    CASE
        WHEN NOT datasets.supported THEN 'unsupported'
        WHEN NOT datasets.deployed THEN 'skipped'
        WHEN attempt.status = 'started' AND busy THEN 'in progress'
        WHEN attempt.status IN ('started', 'failed') THEN 'failed'
        WHEN left_alone THEN 'skipped'
        WHEN attempt.status IS NULL THEN 'pending'
        ELSE attempt.status
    END AS status,
    success.finished_at AS last_success,
    attempt.started_at AS last_attempt,
    CASE WHEN left_alone THEN greatest(datasets.next_tick, circuit.retry_at)
         WHEN datasets.deployed THEN datasets.next_tick
    END AS next_tick,
    coalesce(newest.rows, datasets.stored) AS rows,
    CASE
        WHEN proof.wanted IS NULL THEN NULL
        WHEN proof.wanted = 0 THEN 1
        ELSE trunc(1 - proof.missing / proof.wanted, 4)
    END AS coverage,
    proof.gaps::integer AS gaps,
    coalesce(circuit.state, 'closed') AS circuit,
    CASE WHEN attempt.status = 'started' AND NOT busy THEN 'died' ELSE attempt.error_kind END
        AS error_kind,
    CASE
        WHEN attempt.status = 'started' AND NOT busy
            THEN 'the run died: its process ended without a word'
        WHEN NOT datasets.deployed
            THEN 'the account is not deployed any more: its rows stay, and are not refreshed'
        WHEN attempt.status = 'failed' OR NOT left_alone THEN attempt.error
        ELSE 'the account is left alone: ' || circuit.reason
    END AS error,
    CASE WHEN known.dataset IS NOT NULL THEN coalesce(lost.ranges, 0)::integer END AS unreachable,
    CASE WHEN known.dataset IS NOT NULL THEN coalesce(stale.streams, 0)::integer END AS stale
FROM alphapulse.datasets
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM held
        WHERE key = hashtextextended('alphapulse account ' || datasets.account, 0)
    ) AS busy
) AS lock
LEFT JOIN LATERAL (
    SELECT * FROM alphapulse.sync_log
    WHERE sync_log.account = datasets.account AND sync_log.dataset = datasets.dataset
    ORDER BY id DESC LIMIT 1
) AS attempt ON true
LEFT JOIN LATERAL (
    SELECT finished_at FROM alphapulse.sync_log
    WHERE sync_log.account = datasets.account AND sync_log.dataset = datasets.dataset
      AND status = 'completed'
    ORDER BY id DESC LIMIT 1
) AS success ON true
LEFT JOIN LATERAL (
    SELECT rows FROM alphapulse.snapshots
    WHERE snapshots.account = datasets.account AND snapshots.dataset = datasets.dataset
    ORDER BY captured_at DESC LIMIT 1
) AS newest ON true
LEFT JOIN proof ON proof.account = datasets.account AND proof.dataset = datasets.dataset
LEFT JOIN lost ON lost.account = datasets.account AND lost.dataset = datasets.dataset
LEFT JOIN stale ON stale.account = datasets.account AND stale.dataset = datasets.dataset
LEFT JOIN known ON known.account = datasets.account AND known.dataset = datasets.dataset
LEFT JOIN alphapulse.circuit ON circuit.account = datasets.account
CROSS JOIN LATERAL (
    SELECT coalesce(circuit.state = 'open' AND circuit.retry_at > now(), false) AS left_alone
) AS breaker
ORDER BY datasets.account, datasets.dataset
"""


def upgrade() -> None:
    for dataset in ("balances", "positions", "prices"):
        op.execute(_LATEST.format(dataset=dataset))
    for view in (
        _ORDERS_OPEN, _COVERAGE_GAPS, _COVERAGE_UNREACHABLE, _STREAMS_STALE, _SYNC_STATUS,
    ):  # fmt: skip
        op.execute(view)
