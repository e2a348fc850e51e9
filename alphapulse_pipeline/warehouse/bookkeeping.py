"""The operational tables: deployed datasets, coverage, attempts, suspects, API keys, alerts."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    Interval,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSTZMULTIRANGE, TSTZRANGE

from alphapulse_pipeline.warehouse.columns import (
    ACCOUNT,
    key_column,
    metadata,
    text_column,
    time_column,
)

datasets = Table(
    "datasets",
    metadata,
    key_column("account", ACCOUNT),
    key_column("dataset", "The dataset."),
    text_column(
        "exchange", "The ccxt exchange id; empty if the rows come from no exchange.", nullable=False
    ),
    Column(
        "supported", Boolean, nullable=False, comment="Whether the exchange offers the dataset."
    ),
    time_column("next_tick", "When the schedule runs next."),
    Column(
        "deployed",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="Whether a defs.yaml still declares it; otherwise its rows are kept.",
    ),
    Column(
        "stored",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="Number of its rows in the table, counted as they are written.",
    ),
    comment="Every dataset of every account, including those that are no longer deployed.",
)

snapshots = Table(
    "snapshots",
    metadata,
    key_column("account", ACCOUNT),
    key_column("dataset", "The snapshot dataset."),
    time_column("captured_at", "Exchange time when the first request was sent.", key=True),
    text_column("run_id", "The Dagster run that took the snapshot.", nullable=False),
    Column("rows", Integer, nullable=False, comment="Number of rows; 0 is a valid snapshot."),
    time_column("read_until", "Exchange time when the last answer arrived."),
    comment="Every complete snapshot, including empty ones. The newest one is current.",
)

streams = Table(
    "streams",
    metadata,
    key_column("account", ACCOUNT),
    key_column("dataset", "The history."),
    key_column("stream", "The stream, e.g. a market category or a market."),
    time_column("first_seen", "When the stream was first requested.", nullable=False),
    text_column("source", "Why the stream is read.", nullable=False),
    Column(
        "wanted",
        TSTZRANGE,
        nullable=False,
        server_default=text("'empty'"),
        comment="From history_start to the last sync, less the exchange's lag.",
    ),
    comment="All streams that must be read for a history to be complete.",
)

coverage = Table(
    "coverage",
    metadata,
    key_column("account", ACCOUNT),
    key_column("dataset", "The history."),
    key_column("stream", "The stream."),
    Column(
        "covered",
        TSTZMULTIRANGE,
        nullable=False,
        server_default=text("'{}'"),
        comment="The times that are proven complete, half-open.",
    ),
    Column(
        "unreachable",
        TSTZMULTIRANGE,
        nullable=False,
        server_default=text("'{}'"),
        comment="The times that the exchange no longer serves.",
    ),
    text_column("unreachable_reason", "Why it does not, e.g. its retention."),
    Column(
        "imported",
        TSTZMULTIRANGE,
        nullable=False,
        server_default=text("'{}'"),
        comment="The covered times that an imported file proves, not the exchange.",
    ),
    time_column(
        "newest_row", "Time of the newest row read, the known row that later answers must return."
    ),
    time_column("suspect_since", "Since when the exchange has not returned the known row."),
    text_column("last_failure", "The last failure; NULL if the last attempt succeeded."),
    time_column("last_failure_at", "When the last failure happened."),
    time_column("updated_at", "When the row last changed.", nullable=False),
    comment="Coverage: which times of each stream are proven complete.",
)

market_catalogues = Table(
    "market_catalogues",
    metadata,
    key_column("account", ACCOUNT),
    text_column("version", "The ccxt version that wrote it.", nullable=False),
    time_column("loaded_at", "When it was loaded from the exchange.", nullable=False),
    text_column("catalogue", "ccxt's markets and currencies, as JSON.", nullable=False),
    comment="The market catalogue of each account, so that not every run loads it again.",
)

suspects = Table(
    "suspects",
    metadata,
    key_column("account", ACCOUNT),
    key_column("dataset", "The snapshot."),
    key_column("part", "A wallet, or the currency that positions are settled in."),
    time_column("since", "When it was first reported empty.", nullable=False),
    Column("asked", Integer, nullable=False, comment="Number of runs that reported it empty."),
    Column(
        "accepted",
        Boolean,
        nullable=False,
        comment="Whether it was accepted as empty; then it may be empty again at any time.",
    ),
    comment="Parts of snapshots that the exchange reports empty for the first time.",
)

keys = Table(
    "keys",
    metadata,
    key_column("account", ACCOUNT),
    text_column(
        "fingerprint",
        "Identifies the key; the key cannot be derived from it.",
        nullable=False,
    ),
    Column("can_read", Boolean, comment="Whether it may read; NULL: not reported."),
    Column("can_trade", Boolean, comment="Whether it may trade; NULL: not reported."),
    Column("can_withdraw", Boolean, comment="Whether it may withdraw; NULL: not reported."),
    time_column("expires_at", "When it expires; NULL: never, or not reported."),
    Column(
        "addresses",
        ARRAY(Text),
        comment="Addresses that may use it; empty: any address, NULL: not reported.",
    ),
    time_column("checked_at", "When the exchange reported this.", nullable=False),
    comment="The permissions of each account's API key, as reported by the exchange.",
)

circuit = Table(
    "circuit",
    metadata,
    key_column("account", ACCOUNT),
    text_column("state", "closed, open or half_open.", nullable=False),
    Column("failures", Integer, nullable=False, comment="Failed runs in a row."),
    time_column("opened_at", "When the circuit opened."),
    time_column("retry_at", "When the next trial run may start."),
    Column("cooldown", Interval, comment="How long it stays open before the next trial run."),
    text_column("reason", "Why the circuit opened."),
    text_column("credentials", "Fingerprint of the refused credentials, if that is the reason."),
    comment="The circuit breaker of each account: whether its runs are paused, and why.",
)

checked = Table(
    "checked",
    metadata,
    key_column("account", ACCOUNT),
    key_column("dataset", "The history."),
    key_column("check_name", "The check, e.g. keys_unique."),
    time_column("up_to", "Rows recorded before this have passed the check.", nullable=False),
    comment="How far each check has passed a history; the next run continues there.",
)

failed_checks = Table(
    "failed_checks",
    metadata,
    key_column("account", ACCOUNT),
    key_column("dataset", "The dataset."),
    key_column("check_name", "The check, e.g. complete."),
    text_column("finding", "The finding, in one line.", nullable=False),
    comment="The checks that failed at their last evaluation, without warnings.",
)

alerts = Table(
    "alerts",
    metadata,
    key_column("about", "run or check."),
    key_column("account", ACCOUNT),
    key_column("cause", "The kind of the failure, or the check."),
    time_column("since", "When the alert was sent.", nullable=False),
    text_column("finding", "The text of the alert, without secrets.", nullable=False),
    comment="Alerts that were sent and whose cause persists; each is sent once.",
)

sync_log = Table(
    "sync_log",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    text_column("account", ACCOUNT, nullable=False),
    text_column("dataset", "The dataset.", nullable=False),
    text_column("run_id", "The Dagster run.", nullable=False),
    time_column("started_at", "When it began.", nullable=False),
    time_column("finished_at", "When it ended; NULL while it runs, or if it was killed."),
    text_column("status", "started, completed or failed.", nullable=False),
    Column("rows_written", Integer, nullable=False, server_default=text("0")),
    Column("requests", Integer, nullable=False, server_default=text("0")),
    text_column("error_kind", "The kind of the failure, e.g. credentials, incomplete or bug."),
    text_column("error", "The failure's message, without secrets."),
    Index("sync_log_newest", "account", "dataset", text("id DESC")),
    Index(
        "sync_log_failures",
        "account",
        "dataset",
        "finished_at",
        postgresql_where=text("status = 'failed'"),
    ),
    comment="Every attempt to sync a dataset, and its outcome.",
)

repeatable = Table(
    "repeatable",
    metadata,
    Column("name", Text, primary_key=True, comment="Its name, e.g. portfolio.movements."),
    Column("place", Integer, nullable=False, comment="Its place in the order of creation."),
    text_column("checksum", "SHA-256 of its text.", nullable=False),
    comment="The views, functions, triggers and comments that were applied.",
)
