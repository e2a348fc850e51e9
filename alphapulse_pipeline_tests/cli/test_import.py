"""`alphapulse import` and `status`: what they print, and what they refuse."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from typer.testing import CliRunner, Result

from alphapulse_pipeline.cli import automation, import_
from alphapulse_pipeline.cli.app import app
from alphapulse_pipeline.cli.workspace import prepare_dagster
from alphapulse_pipeline.settings.environment import HOME
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse import deployed
from alphapulse_pipeline.warehouse.batches import Proof, TimeRange
from alphapulse_pipeline.warehouse.connection import account_lock, connect
from alphapulse_pipeline.warehouse.history_state import HistoryState
from alphapulse_pipeline_tests.cli.stopped import stopped_schedule
from alphapulse_pipeline_tests.warehouse.rows import T0

DB = Connection[TupleRow]
Command = Callable[..., Result]
HEADER = "happened_at;kind;transfer_id;asset;amount"
LINE = "2026-09-01 10:00:00;deposit;1;BTC;0.10"


@pytest.fixture
def command(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `import` or `status`; the deployed account has credentials, so that it is no demo."""
    monkeypatch.setenv(HOME, str(tmp_path / "home"))
    monkeypatch.setenv("BYBIT_API_KEY", "key")
    monkeypatch.setenv("BYBIT_API_SECRET", "secret")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(app, arguments, standalone_mode=False)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "transfers.csv"
    path.write_text(f"{HEADER}\n{LINE}\n")
    return str(path)


@pytest.fixture
def lost(db: DB) -> datetime:
    """Transfers of ten days, of which the first five are out of reach; the day they end."""
    deployed.register(db, "bybit", "bybit", [("transfers", True, None)])
    wanted = TimeRange(T0, T0 + timedelta(days=10))
    reached = T0 + timedelta(days=5)
    HistoryState(db, "bybit", "transfers").want([("deposits", "test")], wanted)
    before = TimeRange(T0, reached)
    HistoryState(db, "bybit", "transfers").mark_unreachable(
        "deposits", before, "90 days are served"
    )
    with db.transaction():
        proof = Proof("deposits", TimeRange(reached, wanted.end - timedelta(days=1)))
        HistoryState(db, "bybit", "transfers").prove(proof)
    return reached


def test_rows_and_coverage_are_printed(command: Command, file: str, lost: datetime) -> None:
    found = command("import", "bybit", "transfers", file, "--json")
    assert json.loads(found.stdout) == {
        "account": "bybit", "dataset": "transfers", "read": 1, "new": 1, "changed": 0,
        "already_there": 0, "left_out": 0, "coverage_before": "0.4000",
        "coverage_after": "0.4000", "covered": [],
    }  # fmt: skip
    days = ("--since", "2026-09-01", "--until", "2026-09-05")
    printed = command("import", "bybit", "transfers", file, *days)
    assert printed.stdout.split("\n")[1].split() == (
        ["bybit", "transfers", "1", "0", "0", "1", "0", "40.00", "%", "90.00", "%"]
    )
    assert "now covered: deposits [2026-09-01 00:00:00 .. 2026-09-06 00:00:00)" in printed.stderr
    again = command("import", "bybit", "transfers", file, *days)
    assert "nothing was missing" in again.stderr


def test_a_file_that_asserts_nothing_says_so(command: Command, file: str, lost: datetime) -> None:
    assert (
        "coverage is unchanged: give --since"
        in command("import", "bybit", "transfers", file).stderr
    )


def test_until_is_a_day_or_a_moment(command: Command, file: str, lost: datetime) -> None:
    times = ("--since", "2026-09-01T12:00", "--until", "2026-09-02T12:00:00+02:00")
    printed = json.loads(command("import", "bybit", "transfers", file, *times, "--json").stdout)
    (covered,) = printed["covered"]
    assert covered == {
        "stream": "deposits",
        "since": "2026-09-01T12:00:00+00:00",
        "until": "2026-09-02T10:00:00+00:00",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bybit", "quotes"], "no history quotes; use one of orders, trades"),
        (["bybit", "balances"], "no history balances"),
        (["nobody", "trades"], "no account nobody; use one of bybit"),
        (
            ["bybit", "transfers", "--preset", "kraken"],
            "no preset kraken for transfers; rename",
        ),
        (["bybit", "trades", "--preset", "okx"], "no preset okx for trades; use one of kraken, bi"),
        (
            ["bybit", "trades", "--since", "2026-01-01"],
            "--since and --until need each other",
        ),
        (["bybit", "trades", "--since", "x", "--until", "y"], "--since 'x' is not a time"),
        (
            ["bybit", "trades", "--since", "0001-01-01T00:00+14:00", "--until", "2026-01-01"],
            "--since '0001-01-01T00:00+14:00' is before 2009",
        ),
        (
            ["bybit", "trades", "--since", "2026-01-01", "--until", "9999-12-31"],
            "--until '9999-12-31' is in the future",
        ),
        (
            ["bybit", "trades", "--since", "2026-01-02", "--until", "2026-01-01"],
            "--since is not before --until",
        ),
        (["bybit", "trades", "--stream", "spot"], "--stream needs --since and --until"),
    ],
)
def test_wrong_usage_is_one_sentence(
    command: Command, file: str, arguments: list[str], words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        command("import", *arguments[:2], file, *arguments[2:])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_import_waits_for_the_run_that_is_going_on(
    command: Command, file: str, database: str, db: DB, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []

    def stored(*_: Any) -> Any:
        with connect(database) as other:
            other.execute("SET lock_timeout = '100ms'")
            with pytest.raises(Exception, match="lock timeout"), account_lock(other, "bybit"):
                pass
        held.append(True)
        raise SettingsError("enough", "nothing")

    monkeypatch.setattr(import_, "import_file", stored)
    with pytest.raises(SettingsError, match="enough"):
        command("import", "bybit", "transfers", file)
    assert held == [True]


def test_status_distinguishes_gaps_unreachable_and_stale_streams(
    command: Command, db: DB, lost: datetime
) -> None:
    header, line = command("status").stdout.splitlines()
    names = ["gaps", "unreachable", "stale"]
    places = [header.index(name) + len(name) for name in names]
    old = (datetime.now(UTC) - T0).days > 11
    shown = [line[:place].split()[-1] for place in places]
    assert shown == ["1", "1", "1" if old else "0"]


def test_status_as_json_has_the_columns_of_the_view(
    command: Command, db: DB, lost: datetime
) -> None:
    (found,) = json.loads(command("status", "--json").stdout)
    columns = db.execute("SELECT * FROM alphapulse.sync_status").description or []
    assert list(found) == [column.name for column in columns]
    assert list(found)[-3:] == ["stale", "not_enabled", "rejected"]
    assert (found["gaps"], found["unreachable"]) == (1, 1)


def test_status_names_an_account_that_was_never_synced(command: Command, db: DB) -> None:
    deployed.register(db, "another", "bybit", [("transfers", True, None)])
    assert "bybit: never synced; run `alphapulse sync bybit`" in command("status").stderr


def test_status_names_schedules_that_are_stopped(
    command: Command, lost: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")  # put back at the end
    prepare_dagster(tmp_path / "home")
    with dg.DagsterInstance.get() as instance:
        assert "stopped" not in command("status").stderr
        instance.add_instigator_state(stopped_schedule("bybit_history"))
        instance.add_instigator_state(stopped_schedule("of_nobody"))
    found = command("status").stderr
    assert "bybit_history: stopped, and stay stopped until somebody starts them; start" in found
    assert "of_nobody" not in found
    assert command("status", "--json").stderr == ""


def test_status_says_in_a_sentence_that_the_definitions_do_not_load(
    command: Command, lost: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ValueError("a custom component")

    monkeypatch.setenv("DAGSTER_HOME", "")  # put back at the end
    monkeypatch.setattr(automation, "defs", fail)
    prepare_dagster(tmp_path / "home")
    with dg.DagsterInstance.get() as instance:
        instance.add_instigator_state(stopped_schedule("bybit_history"))
    found = command("status")
    assert "transfers" in found.stdout
    assert (
        "the definitions do not load: ValueError: a custom component; run `dg check defs` for the "
        "full error" in " ".join(found.stderr.split())
    )
