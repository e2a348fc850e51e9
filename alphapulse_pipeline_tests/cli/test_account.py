"""`alphapulse account`: files, variables and rows of an account, in a project of the user's own."""

import getpass
import json
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.cli import account as cli
from alphapulse_pipeline.cli import doctor
from alphapulse_pipeline.cli.discover import discover
from alphapulse_pipeline.settings import account_file
from alphapulse_pipeline.settings.accounts import read_account
from alphapulse_pipeline.settings.deployment import read_deployment
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.project import PROJECT
from alphapulse_pipeline.warehouse import account_rows, deployed, sub_accounts
from exchange_simulator import DEMO_KEY, DEMO_SECRET, SubAccount, World, serve

DB = Connection[TupleRow]
SECRET = "recognisable-secret"


@dataclass
class Input:
    """A standard input that is a terminal, or is not."""

    terminal: bool

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project; without a terminal."""
    monkeypatch.setenv(PROJECT, str(tmp_path))
    monkeypatch.setattr(sys, "stdin", Input(terminal=False))
    monkeypatch.setattr(cli, "_refreshed", lambda: 0)  # a Dagster run
    return tmp_path


def test_a_new_account_is_one_file_that_loads(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.add("fund", exchange="okx", history_start="2026-02-01") == 0
    found = read_account(project / "defs" / "fund" / "defs.yaml")
    assert found is not None
    assert f"{found.settings.exchange} {found.settings.history_start}" == "okx 2026-02-01"
    assert read_deployment().portfolio is not None
    printed = capsys.readouterr().err
    assert "FUND_API_KEY and FUND_API_SECRET and FUND_API_PASSWORD not set" in printed
    with pytest.raises(SettingsError, match="fund exists already"):
        cli.add("fund", exchange="okx")


def test_keys_are_typed_into_a_private_file_and_not_shown(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    examined: list[list[str]] = []

    def examine(names: list[str]) -> int:
        examined.append(names)
        return 1

    monkeypatch.setattr(doctor, "doctor", examine)

    monkeypatch.setattr(sys, "stdin", Input(terminal=True))
    monkeypatch.setattr(getpass, "getpass", lambda _: SECRET)
    assert cli.add("fund", exchange="bybit") == 1
    assert examined == [["fund"]]
    env = project / ".env"
    assert env.read_text() == f"FUND_API_KEY={SECRET}\nFUND_API_SECRET={SECRET}\n"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    printed = capfd.readouterr()
    assert SECRET not in printed.out + printed.err


@pytest.mark.parametrize(
    ("name", "exchange", "sentence"),
    [
        ("fund", "byybit", "exchange: ccxt has no exchange 'byybit'; did you mean 'bybit'?"),
        ("Fund", "bybit", "account name 'Fund' is not valid; use lower-case letters"),
        ("fund", None, "--exchange is missing"),
    ],
)
def test_a_mistake_writes_nothing(
    project: Path, name: str, exchange: str | None, sentence: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        cli.add(name, exchange=exchange)
    assert sentence in str(raised.value)
    assert list(project.iterdir()) == []


def test_an_account_is_renamed_and_removed_with_all_its_rows(
    project: Path, db: DB, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ALPHAPULSE_HOME", str(tmp_path / "home"))
    cli.add("fund", exchange="bybit")
    cli.add("other", exchange="bybit")
    (project / ".env").write_text("FUND_API_KEY=a\nOTHER_API_KEY=b\n")
    for name in ("fund", "other"):
        deployed.register(db, name, "bybit", [("trades", True, None)])

    with pytest.raises(SettingsError, match="other exists already"):
        cli.rename("fund", "other")
    assert cli.rename("fund", "desk") == 0
    assert {account.name for account in read_deployment().accounts} == {"desk", "other"}
    assert (project / ".env").read_text() == "DESK_API_KEY=a\nOTHER_API_KEY=b\n"
    assert account_rows.stored(db, "fund") == {}
    assert account_rows.stored(db, "desk") == {"datasets": 1}

    assert cli.remove("desk") == 0
    assert [account.name for account in read_deployment().accounts] == ["other"]
    assert (project / ".env").read_text() == "OTHER_API_KEY=b\n"
    assert db.execute(
        "SELECT deployed FROM alphapulse.datasets WHERE account = 'desk'"
    ).fetchall() == [(False,)]

    with pytest.raises(SettingsError, match="this deletes all rows of desk: 1 datasets; add --yes"):
        cli.remove("desk", forget=True)
    assert cli.remove("desk", forget=True, yes=True) == 0
    assert account_rows.stored(db, "desk") == {}
    assert account_rows.stored(db, "other") == {"datasets": 1}
    with pytest.raises(SettingsError, match="no account desk"):
        cli.remove("desk", forget=True, yes=True)


@pytest.fixture
def fund(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, db: DB) -> Path:
    """The account `fund`, whose key the simulator knows, in a project. `db`: it has a database."""
    monkeypatch.setenv("ALPHAPULSE_HOME", str(tmp_path / "home"))
    values = {"exchange": "bybit", "history_start": "2026-09-01", "history_cron": "0 * * * *"}
    account_file.write_account(project / "defs", "fund", values)
    for name, value in (("KEY", DEMO_KEY), ("SECRET", DEMO_SECRET)):
        monkeypatch.setenv(f"FUND_API_{name}", value)
    return project / "defs"


def test_forty_sub_accounts_are_deployed_by_one_command_and_a_new_one_is_listed(
    fund: Path,
    world: World,
    db: DB,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    desks = [SubAccount(7000 + n, f"Desk {n % 39}", n, n == 3) for n in range(40)]
    with serve(world, limits=False) as simulator:
        monkeypatch.setenv("FUND_API_URL", simulator.url)
        simulator.set_sub_accounts(*desks)
        assert discover("fund") == 0
        printed = capsys.readouterr()
        assert "40 of 40 sub-accounts of fund are not deployed" in printed.err
        assert len(printed.out.splitlines()) == 41
        assert discover("fund", write=True) == 0
        printed = capsys.readouterr()
        assert "wrote 40 files" in printed.err
        assert "FUND_DESK_0_API_KEY" in printed.err
        assert "the same as FUND_API_URL" in printed.err
        found = {account.name: account.settings for account in read_deployment().accounts}
        subs = {name: settings for name, settings in found.items() if settings.parent}
        assert len(subs) == 40
        assert {"fund_desk_0", "fund_desk_0_7039", "fund_desk_38"} <= subs.keys()
        assert {settings.sub_account for settings in subs.values()} == {
            str(desk.uid) for desk in desks
        }
        assert {(s.parent, s.exchange, s.history_cron) for s in subs.values()} == {
            ("fund", "bybit", "0 * * * *")
        }
        assert discover("fund") == 0
        assert "all 40 sub-accounts of fund are deployed" in capsys.readouterr().err
        simulator.set_sub_accounts(*desks, SubAccount(9000, "new", 100))
        assert discover("fund", as_json=True) == 0
        listed = json.loads(capsys.readouterr().out)
        assert [row for row in listed if row["account"] is None] == [
            {"sub_account": "9000", "name": "new", "frozen": False, "account": None}
        ]
        assert sum(row["frozen"] for row in listed) == 1
        with pytest.raises(SettingsError, match="fund_desk_1 is a sub-account; use its master"):
            discover("fund_desk_1")
        simulator.set_faults("retcode=10005:/v5/user/submembers")
        with pytest.raises(SettingsError, match="fund: its sub-accounts are not listed: "):
            discover("fund")


def test_a_master_account_is_renamed_with_its_sub_accounts_and_not_removed(
    fund: Path, db: DB
) -> None:
    desk = {"exchange": "bybit", "history_start": "2026-09-01", "parent": "fund"}
    path = account_file.write_account(fund, "desk", {**desk, "sub_account": "7001"})
    path.write_text(path.read_text().replace("parent: fund", 'parent: "fund"  # the master'))
    with pytest.raises(SettingsError, match="fund is the parent of desk; remove these first"):
        cli.remove("fund")
    sub_accounts.register(db, "desk", "fund", "7001")
    assert cli.rename("fund", "prop") == 0
    assert "  parent: prop  # the master\n" in path.read_text()
    assert {account.name for account in read_deployment().accounts} == {"prop", "desk"}
    assert db.execute("SELECT parent FROM alphapulse.accounts").fetchall() == [("prop",)]
