"""The tables of what is known of the data: accounts, markets, proofs, attempts, doubts."""

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
    MARKET,
    amount,
    key_part,
    metadata,
    moment,
    words,
)

datasets = Table(
    "datasets",
    metadata,
    key_part("account", ACCOUNT),
    key_part("dataset", "The dataset."),
    words("exchange", "The ccxt exchange id, empty where it came from none.", nullable=False),
    Column("supported", Boolean, nullable=False, comment="Whether the exchange has such a thing."),
    moment("next_tick", "When the schedule runs next."),
    Column(
        "deployed",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="Whether a defs.yaml names it still; rows stay where none does.",
    ),
    Column(
        "stored",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="How many rows the table holds of it, counted as they are written.",
    ),
    comment="Every dataset of every account that was ever deployed.",
)

streams = Table(
    "streams",
    metadata,
    key_part("account", ACCOUNT),
    key_part("dataset", "The history."),
    key_part("stream", "What is walked by itself, e.g. a market category or a symbol."),
    moment("first_seen", "When it was first known.", nullable=False),
    words("source", "Why it is walked.", nullable=False),
    Column(
        "wanted",
        TSTZRANGE,
        nullable=False,
        server_default=text("'empty'"),
        comment="From history_start to the last sync less the exchange's lag.",
    ),
    comment="Everything that must be walked for a history to be complete.",
)

coverage = Table(
    "coverage",
    metadata,
    key_part("account", ACCOUNT),
    key_part("dataset", "The history."),
    key_part("stream", "The stream."),
    Column(
        "covered",
        TSTZMULTIRANGE,
        nullable=False,
        server_default=text("'{}'"),
        comment="The times that are proved complete, half-open.",
    ),
    Column(
        "unreachable",
        TSTZMULTIRANGE,
        nullable=False,
        server_default=text("'{}'"),
        comment="The times that the exchange no longer serves.",
    ),
    words("unreachable_reason", "Why it does not, e.g. how far back it serves."),
    Column(
        "imported",
        TSTZMULTIRANGE,
        nullable=False,
        server_default=text("'{}'"),
        comment="What of the covered times rests on an imported file, not on the exchange.",
    ),
    moment("newest_row", "When the newest row that was read happened: a later answer's witness."),
    moment("suspect_since", "Since when the exchange has not shown that row any more."),
    words("last_failure", "What went wrong last, empty when the last attempt was good."),
    moment("last_failure_at", "When it went wrong."),
    moment("updated_at", "When the row last changed.", nullable=False),
    comment="The proof: which times of which stream are complete.",
)

markets = Table(
    "markets",
    metadata,
    key_part("account", ACCOUNT),
    key_part("market", MARKET),
    words("raw_id", "The exchange's own id.", nullable=False),
    words(
        "type", "spot, swap, future or option; none: guessed, and there is none.", nullable=False
    ),
    words("base", "The base currency."),
    words("quote", "The quote currency."),
    words("settle", "The settlement currency."),
    amount("contract_size", "What one contract stands for, in base (quote on inverse)."),
    Column("active", Boolean, nullable=False, comment="Whether the exchange lists it."),
    moment("seen_at", "When it was last listed; 1970 where it was only guessed.", nullable=False),
    comment="Every market ever resolved; a name once given never changes.",
)

market_catalogues = Table(
    "market_catalogues",
    metadata,
    key_part("account", ACCOUNT),
    words("version", "The ccxt version that wrote it.", nullable=False),
    moment("loaded_at", "When the exchange was asked.", nullable=False),
    words("catalogue", "ccxt's markets and currencies, as JSON.", nullable=False),
    comment="What lets a run know the markets without asking the exchange again.",
)

suspects = Table(
    "suspects",
    metadata,
    key_part("account", ACCOUNT),
    key_part("dataset", "The snapshot."),
    key_part("part", "A wallet, or the currency that positions are settled in."),
    moment("since", "When it was told empty first.", nullable=False),
    Column("asked", Integer, nullable=False, comment="In how many runs it was told empty."),
    Column(
        "believed",
        Boolean,
        nullable=False,
        comment="Whether it was taken for the truth in the end: then it may be empty again.",
    ),
    comment="Parts of snapshots that were never empty and are said to be: kept apart at first.",
)

keys = Table(
    "keys",
    metadata,
    key_part("account", ACCOUNT),
    words(
        "fingerprint",
        "Tells this key from another one; the key cannot be found from it.",
        nullable=False,
    ),
    Column("can_read", Boolean, comment="Whether it may read; NULL: the exchange does not tell."),
    Column("can_trade", Boolean, comment="Whether it may change something in the account."),
    Column("can_withdraw", Boolean, comment="Whether money can leave the account by it."),
    moment("expires_at", "When it expires; NULL: never, or the exchange does not tell."),
    Column(
        "addresses",
        ARRAY(Text),
        comment="Where it may be used from; empty: from anywhere, NULL: it is not told.",
    ),
    moment("checked_at", "When the exchange was asked.", nullable=False),
    comment="What the API key of each account may do, as the exchange says; not the key.",
)

circuit = Table(
    "circuit",
    metadata,
    key_part("account", ACCOUNT),
    words("state", "closed, open or half_open.", nullable=False),
    Column("failures", Integer, nullable=False, comment="Failed runs in a row."),
    moment("opened_at", "When it opened."),
    moment("retry_at", "When the next trial may run."),
    Column("cooldown", Interval, comment="How long it stays open before the next trial."),
    words("reason", "Why it opened."),
    words("credentials", "Which credentials were refused, as a fingerprint, where that is why."),
    comment="Whether an account is being left alone, and why.",
)

checked = Table(
    "checked",
    metadata,
    key_part("account", ACCOUNT),
    key_part("dataset", "The history."),
    key_part("check_name", "The check, e.g. keys_unique."),
    moment("up_to", "Rows recorded before this are known to be good.", nullable=False),
    comment="How far each check has read a history and found nothing: runs go on from there.",
)

failed_checks = Table(
    "failed_checks",
    metadata,
    key_part("account", ACCOUNT),
    key_part("dataset", "The dataset."),
    key_part("check_name", "The check, e.g. complete."),
    words("finding", "What it found, in one line.", nullable=False),
    comment="The checks that failed when they were evaluated last, without mere warnings.",
)

alerts = Table(
    "alerts",
    metadata,
    key_part("about", "run or check."),
    key_part("account", ACCOUNT),
    key_part("cause", "The kind of the failure, or the check."),
    moment("since", "When it was told.", nullable=False),
    words("finding", "What was told, without secrets.", nullable=False),
    comment="What is wrong and was told to somebody: told again only once it is over.",
)

sync_log = Table(
    "sync_log",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    words("account", ACCOUNT, nullable=False),
    words("dataset", "The dataset.", nullable=False),
    words("run_id", "The Dagster run.", nullable=False),
    moment("started_at", "When it began.", nullable=False),
    moment("finished_at", "When it ended; NULL while it runs or after a kill."),
    words("status", "started, completed or failed.", nullable=False),
    Column("rows_written", Integer, nullable=False, server_default=text("0")),
    Column("requests", Integer, nullable=False, server_default=text("0")),
    words("error_kind", "The class of the failure, e.g. credentials, incomplete or bug."),
    words("error", "What went wrong, without secrets."),
    Index("sync_log_newest", "account", "dataset", text("id DESC")),
    Index(
        "sync_log_failures",
        *("account", "dataset", "finished_at"),
        postgresql_where=text("status = 'failed'"),
    ),
    comment="Every attempt to sync a dataset and how it ended.",
)

repeatable = Table(
    "repeatable",
    metadata,
    Column("name", Text, primary_key=True, comment="Its name, e.g. portfolio.movements."),
    Column("place", Integer, nullable=False, comment="Its place in the order of creation."),
    words("checksum", "Of its text.", nullable=False),
    comment="The views, functions, triggers and comments that were applied.",
)
