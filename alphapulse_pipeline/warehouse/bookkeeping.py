"""The operational tables: deployed datasets, coverage, attempts, suspects, API keys, alerts."""

from alphapulse_pipeline.datasets.table import (
    ACCOUNT,
    IDENTITY,
    Column,
    Index,
    Table,
    Type,
    key,
    numeric,
    text,
    timestamp,
)

ACCOUNTS = Table(
    name="accounts",
    comment="Every deployed account, and whose sub-account it is.",
    columns=(
        ACCOUNT,
        text("parent", "A sub-account's master account."),
        text("sub_account", "The exchange's id of the sub-account."),
        text(
            "unlisted",
            "Why the exchange did not list the account's own sub-accounts; NULL: it did, or was "
            "not asked.",
        ),
    ),
)

SUB_ACCOUNTS = Table(
    name="sub_accounts",
    comment="The sub-accounts that the exchange lists for each master account, deployed or not.",
    columns=(
        ACCOUNT,
        key("sub_account", "The exchange's id of it."),
        text("name", "What the exchange's website calls it.", nullable=False),
        Column("frozen", Type.BOOLEAN, "Whether it cannot be used at present.", nullable=False),
        timestamp("listed_at", "When the exchange listed it last.", nullable=False),
    ),
)

DATASETS = Table(
    name="datasets",
    comment="Every dataset of every account, including those that are no longer deployed.",
    columns=(
        ACCOUNT,
        key("dataset", "The dataset."),
        text(
            "exchange",
            "The ccxt exchange id; empty if the rows come from no exchange.",
            nullable=False,
        ),
        Column(
            "supported",
            Type.BOOLEAN,
            "Whether the dataset can be read from the exchange.",
            nullable=False,
        ),
        timestamp("next_tick", "When the schedule runs next."),
        Column(
            "deployed",
            Type.BOOLEAN,
            "Whether a defs.yaml still declares it; otherwise its rows are kept.",
            nullable=False,
            default="true",
        ),
        Column(
            "stored",
            Type.BIGINT,
            "Number of its rows in the table, counted as they are written.",
            nullable=False,
            default="0",
        ),
    ),
)

SNAPSHOTS = Table(
    name="snapshots",
    comment="Every complete snapshot, including empty ones. The newest one is current.",
    columns=(
        ACCOUNT,
        key("dataset", "The snapshot dataset."),
        Column(
            "captured_at",
            Type.TIMESTAMP,
            "Exchange time when the first request was sent.",
            nullable=False,
            key=True,
        ),
        text("run_id", "The Dagster run that took the snapshot.", nullable=False),
        Column("rows", Type.INTEGER, "Number of rows; 0 is a valid snapshot.", nullable=False),
        timestamp("read_until", "Exchange time when the last answer arrived."),
        Column(
            "unread",
            Type.TEXT_ARRAY,
            "The wallets that the account has, and that were not read: see `skipped`.",
            nullable=False,
            default="'{}'::text[]",
        ),
    ),
)

STREAMS = Table(
    name="streams",
    comment="All streams that must be read for a history to be complete.",
    columns=(
        ACCOUNT,
        key("dataset", "The history."),
        key("stream", "The stream, e.g. a market category or a market."),
        timestamp("first_seen", "When the stream was first requested.", nullable=False),
        text("source", "Why the stream is read.", nullable=False),
        Column(
            "wanted",
            Type.RANGE,
            "From history_start to the last sync, less the exchange's lag.",
            nullable=False,
            default="'empty'",
        ),
    ),
)

COVERAGE = Table(
    name="coverage",
    comment="Coverage: which times of each stream are proven complete.",
    columns=(
        ACCOUNT,
        key("dataset", "The history."),
        key("stream", "The stream."),
        Column(
            "covered",
            Type.MULTIRANGE,
            "The times that are proven complete, half-open.",
            nullable=False,
            default="'{}'",
        ),
        Column(
            "unreachable",
            Type.MULTIRANGE,
            "The times that the exchange no longer serves.",
            nullable=False,
            default="'{}'",
        ),
        text("unreachable_reason", "Why it does not, e.g. its retention."),
        Column(
            "imported",
            Type.MULTIRANGE,
            "The covered times that an imported file proves, not the exchange.",
            nullable=False,
            default="'{}'",
        ),
        timestamp(
            "newest_row",
            "Time of the newest row read, the known row that later answers must return.",
        ),
        timestamp("suspect_since", "Since when the exchange has not returned the known row."),
        text("last_failure", "The last failure; NULL if the last attempt succeeded."),
        timestamp("last_failure_at", "When the last failure happened."),
        timestamp("updated_at", "When the row last changed.", nullable=False),
    ),
)

SKIPPED = Table(
    name="skipped",
    comment="Wallets and streams that are not read, and why. They have no gaps.",
    columns=(
        ACCOUNT,
        key("dataset", "The dataset; empty: the wallet is skipped in every dataset."),
        key("part", "The wallet, or the stream of a history."),
        Column(
            "wallet",
            Type.TEXT,
            "The skipped wallet that the stream belongs to; empty: skipped by itself.",
            nullable=False,
            default="''",
        ),
        text(
            "state",
            "not_enabled: the account never opened it; closed: there may be rows that the key may "
            "not list, and its times are unreachable; excluded: defs.yaml leaves it out.",
            nullable=False,
        ),
        text("reason", "The exchange's words.", nullable=False),
        text("fingerprint", "The API key that got this answer.", nullable=False),
        timestamp(
            "checked_at",
            "When the exchange said so; it is asked again a day later.",
            nullable=False,
        ),
    ),
)

REJECTED = Table(
    name="rejected",
    comment="Rows of the exchange that could not be read. Their times stay gaps.",
    columns=(
        ACCOUNT,
        key("dataset", "The dataset."),
        key("stream", "The stream, or the list, that the row came from."),
        key("row_id", "Identifies the row: a digest of what the exchange sent."),
        timestamp("happened_at", "The row's time, exchange time; NULL if it cannot be read."),
        text("reason", "Why it could not be read.", nullable=False),
        text(
            "raw",
            "What the exchange sent, as JSON with unprintable characters escaped; at most 4000 "
            "characters.",
            nullable=False,
        ),
        Column(
            "gap",
            Type.MULTIRANGE,
            "The times that coverage leaves out because of it: its millisecond, or what it was "
            "returned for if its time cannot be read.",
            nullable=False,
            default="'{}'",
        ),
        Column(
            "attempt",
            Type.INTEGER,
            "The attempt that read it last: sync_log.id.",
            nullable=False,
        ),
        timestamp("first_seen", "When it was first rejected.", nullable=False),
        timestamp("last_seen", "When it was last rejected.", nullable=False),
    ),
)

REREADS = Table(
    name="rereads",
    comment="The times that are read again, each once, because a row of them may be missing: a "
    "balance or position differs from the histories.",
    columns=(
        Column("id", Type.INTEGER, "Its number.", nullable=False, key=True, default=IDENTITY),
        text("account", ACCOUNT.comment, nullable=False),
        text("dataset", "The history that is read again.", nullable=False),
        text("wallet", "The wallet of the balance; empty: a position.", nullable=False),
        text("asset", "The asset of the balance; empty: a position.", nullable=False),
        text("market", "The market of the position; empty: a balance.", nullable=False),
        timestamp("closed_at", "The snapshot at the end of the window.", nullable=False),
        timestamp("opened_at", "The snapshot at the start of the window.", nullable=False),
        numeric("residual", "The difference.", nullable=False),
        Column(
            "step",
            Type.INTEGER,
            "1: where another record shows that a row is missing; 2: the whole window.",
            nullable=False,
        ),
        text("listed_in", "The market that is read; empty: all.", nullable=False),
        timestamp("starts_at", "The start of the time that is read.", nullable=False),
        timestamp("ends_at", "Its end.", nullable=False),
        text("reason", "Why a row of this time may be missing.", nullable=False),
        timestamp("requested_at", "When the difference was found.", nullable=False),
        Column(
            "failures",
            Type.INTEGER,
            "How many runs failed to read it.",
            nullable=False,
            default="0",
        ),
        timestamp("asked_at", "When the exchange was asked; NULL: the next run asks."),
        text("outcome", "What could not be read again, and why."),
        text("found", "The entries found; empty: none. NULL: not examined yet."),
        Column("healed", Type.BOOLEAN, "Whether the window reconciles since."),
    ),
    more_indexes=(
        Index("rereads_of_windows", ("account", "closed_at")),
        Index("rereads_due", ("account", "dataset"), "asked_at IS NULL"),
    ),
)

MARKET_CATALOGUES = Table(
    name="market_catalogues",
    comment="The market catalogue of each account, so that not every run loads it again.",
    columns=(
        ACCOUNT,
        text("version", "The ccxt version that wrote it.", nullable=False),
        timestamp("loaded_at", "When it was loaded from the exchange.", nullable=False),
        text("catalogue", "ccxt's markets and currencies, as JSON.", nullable=False),
    ),
)

SUSPECTS = Table(
    name="suspects",
    comment="Parts of snapshots that the exchange reports empty for the first time.",
    columns=(
        ACCOUNT,
        key("dataset", "The snapshot."),
        key("part", "A wallet, or the currency that positions are settled in."),
        timestamp("since", "When it was first reported empty.", nullable=False),
        Column("asked", Type.INTEGER, "Number of runs that reported it empty.", nullable=False),
        Column(
            "accepted",
            Type.BOOLEAN,
            "Whether it was accepted as empty; then it may be empty again at any time.",
            nullable=False,
        ),
    ),
)

KEYS = Table(
    name="keys",
    comment="The permissions of each account's API key, as reported by the exchange.",
    columns=(
        ACCOUNT,
        text(
            "fingerprint", "Identifies the key; the key cannot be derived from it.", nullable=False
        ),
        Column("can_read", Type.BOOLEAN, "Whether it may read; NULL: not reported."),
        Column("can_trade", Type.BOOLEAN, "Whether it may trade; NULL: not reported."),
        Column("can_withdraw", Type.BOOLEAN, "Whether it may withdraw; NULL: not reported."),
        timestamp("expires_at", "When it expires; NULL: never, or not reported."),
        Column(
            "addresses",
            Type.TEXT_ARRAY,
            "Addresses that may use it; empty: any address, NULL: not reported.",
        ),
        timestamp("checked_at", "When the exchange reported this.", nullable=False),
    ),
)

CIRCUIT = Table(
    name="circuit",
    comment="The circuit breaker of each account: whether its runs are paused, and why.",
    columns=(
        ACCOUNT,
        text("state", "closed, open or half_open.", nullable=False),
        Column("failures", Type.INTEGER, "Failed runs in a row.", nullable=False),
        timestamp("opened_at", "When the circuit opened."),
        timestamp("retry_at", "When the next trial run may start."),
        Column("cooldown", Type.INTERVAL, "How long it stays open before the next trial run."),
        text("reason", "Why the circuit opened."),
        text("credentials", "Fingerprint of the refused credentials, if that is the reason."),
    ),
)

CHECKED = Table(
    name="checked",
    comment="How far each check has passed a history; the next run continues there.",
    columns=(
        ACCOUNT,
        key("dataset", "The history."),
        key("check_name", "The check, e.g. keys_unique."),
        timestamp("up_to", "Rows recorded before this have passed the check.", nullable=False),
    ),
)

FAILED_CHECKS = Table(
    name="failed_checks",
    comment="The checks that failed at their last evaluation, without warnings.",
    columns=(
        ACCOUNT,
        key("dataset", "The dataset."),
        key("check_name", "The check, e.g. complete."),
        text("finding", "The finding, in one line.", nullable=False),
    ),
)

ALERTS = Table(
    name="alerts",
    comment="Alerts that were sent and whose cause persists; each is sent once.",
    columns=(
        key("about", "run or check."),
        ACCOUNT,
        key("cause", "The kind of the failure, or the check."),
        timestamp("since", "When the alert was sent.", nullable=False),
        text("finding", "The text of the alert, without secrets.", nullable=False),
    ),
)

SYNC_LOG = Table(
    name="sync_log",
    comment="Every attempt to sync a dataset, and its outcome.",
    columns=(
        Column(
            "id", Type.INTEGER, "Number of the attempt.", nullable=False, key=True, default=IDENTITY
        ),
        text("account", ACCOUNT.comment, nullable=False),
        text("dataset", "The dataset.", nullable=False),
        text("run_id", "The Dagster run.", nullable=False),
        timestamp("started_at", "When it began.", nullable=False),
        timestamp("finished_at", "When it ended; NULL while it runs, or if it was killed."),
        text("status", "started, completed or failed.", nullable=False),
        Column(
            "rows_written", Type.INTEGER, "Rows inserted and changed.", nullable=False, default="0"
        ),
        Column(
            "requests", Type.INTEGER, "Requests sent to the exchange.", nullable=False, default="0"
        ),
        text("error_kind", "The kind of the failure, e.g. credentials, incomplete or bug."),
        text("error", "The failure's message, without secrets."),
    ),
    more_indexes=(
        Index(
            "sync_log_newest",
            (
                "account",
                "dataset",
                "id DESC",
            ),
        ),
        Index(
            "sync_log_failures",
            (
                "account",
                "dataset",
                "finished_at",
            ),
            "status = 'failed'",
        ),
    ),
)

REPEATABLE = Table(
    name="repeatable",
    comment="The views, functions, triggers and comments that were applied.",
    columns=(
        Column("name", Type.TEXT, "Its name, e.g. portfolio.movements.", nullable=False, key=True),
        Column("place", Type.INTEGER, "Its place in the order of creation.", nullable=False),
        text("checksum", "SHA-256 of its text.", nullable=False),
    ),
)

TABLES = (
    ACCOUNTS,
    SUB_ACCOUNTS,
    DATASETS,
    SNAPSHOTS,
    STREAMS,
    COVERAGE,
    SKIPPED,
    REJECTED,
    REREADS,
    MARKET_CATALOGUES,
    SUSPECTS,
    KEYS,
    CIRCUIT,
    CHECKED,
    FAILED_CHECKS,
    ALERTS,
    SYNC_LOG,
    REPEATABLE,
)
