"""The real `alphapulse doctor`: what it prints, and its exit code."""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alphapulse_pipeline.cli import doctor as cli
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.sync.deployment import usable_deployment
from alphapulse_pipeline_tests.cli import running
from exchange_simulator import DEMO_KEY, DEMO_SECRET, Key, World, serve


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    # a short path, because a unix socket's may have about a hundred characters
    with tempfile.TemporaryDirectory(prefix="ap") as folder:
        yield Path(folder) / "home"


def doctor(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [running.COMMAND, "doctor", *arguments],
        env={**running.environment(home), **variables},
        cwd=home.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def results(done: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], Any]:
    printed = json.loads(done.stdout)
    assert set(printed) == {"ok", "results"}
    assert printed["ok"] is (done.returncode == 0)
    return {(line["account"], line["check"]): line for line in printed["results"]}


def test_the_demo_is_all_good(home: Path) -> None:
    done = doctor(home, "--demo")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert {line.split()[0] for line in lines} == {"ok", "skipped"}
    assert all(re.match(r"(ok|skipped) +(bybit|all) +\w", line) for line in lines)
    assert sum(" bybit " in line for line in lines) == 27
    assert DEMO_KEY not in done.stdout
    assert "ok" in done.stderr


def test_a_wrong_secret_exits_with_1_and_has_a_fix(home: Path, world: World) -> None:
    with serve(world, keys=[Key(secret="another")]) as simulator:
        done = doctor(
            home,
            "bybit",
            "--json",
            BYBIT_API_URL=simulator.url,
            BYBIT_API_KEY=DEMO_KEY,
            BYBIT_API_SECRET=DEMO_SECRET,
        )
    assert done.returncode == 1
    found = results(done)
    assert found["bybit", "signature"] == {
        "account": "bybit",
        "check": "signature",
        "status": "failed",
        "message": 'the signature is wrong: "error sign!" (10004)',
        "fix": "check BYBIT_API_SECRET: it does not match the key in BYBIT_API_KEY",
    }
    assert found["bybit", "trades"]["message"] == "not checked: the key was rejected"
    # its own database has no tables yet, which is reported but not changed
    assert found["", "tables"]["status"] == "warning"
    assert found["", "storage"]["message"] == "because there are no current tables"
    for secret in (DEMO_KEY, DEMO_SECRET):
        assert secret not in done.stdout + done.stderr


def test_without_a_database_the_account_is_examined_all_the_same(home: Path, world: World) -> None:
    with serve(world) as simulator:
        done = doctor(
            home,
            "bybit",
            "--json",
            BYBIT_API_URL=simulator.url,
            BYBIT_API_KEY=DEMO_KEY,
            BYBIT_API_SECRET=DEMO_SECRET,
            ALPHAPULSE_POSTGRES_URL="postgresql://me:hidden-password@127.0.0.1:1/alphapulse",
        )
    assert done.returncode == 1
    found = results(done)
    assert [line["check"] for line in found.values() if line["status"] == "failed"] == ["database"]
    assert "hidden-password" not in done.stdout + done.stderr
    assert found["bybit", "trades"]["status"] == "ok"
    assert found["bybit", "lock"]["status"] == "unknown"


def test_a_named_account_is_not_replaced_by_a_simulated_one(home: Path) -> None:
    done = doctor(home, "bybit", "--json")
    assert done.returncode == 1
    settings = results(done)["bybit", "settings"]
    assert settings["message"] == "bybit: BYBIT_API_KEY and BYBIT_API_SECRET not set"
    assert settings["fix"].startswith("export a read-only key")


def test_an_account_that_is_not_there_is_wrong_usage(home: Path) -> None:
    done = doctor(home, "nobody")
    assert done.returncode == 2
    assert "no account nobody; use one of bybit" in done.stderr
    assert done.stdout == ""


def probe(home: Path, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return doctor(
        home,
        *arguments,
        "--probe",
        BYBIT_API_URL=url,
        BYBIT_API_KEY=DEMO_KEY,
        BYBIT_API_SECRET=DEMO_SECRET,
    )


def test_a_probe_writes_a_report_of_what_was_contradicted(home: Path, world: World) -> None:
    with serve(world, faults=["reversed:/v5/execution/list"]) as simulator:
        done = probe(home, simulator.url, "bybit")
        assert done.returncode == 1, done.stderr
        *lines, path = done.stdout.splitlines()
        broken = [line for line in lines if line.startswith("contradicted")]
        assert broken
        assert all("the order of rows" in line and "ExecutionList" in line for line in broken)
        assert any(line.startswith("held") for line in lines)
        assert "attach it to a bug report" in done.stderr
        written = Path(path)
        assert written.parent == home.parent
        assert re.fullmatch(r"alphapulse-probe-bybit-\d{4}-\d\d-\d\d\.json", written.name)
        report = json.loads(written.read_text())
        assert len(report["findings"]) == len(lines)
        simulator.set_faults()
        done = probe(home, simulator.url, "bybit", "--json")
    printed = json.loads(done.stdout)
    assert (done.returncode, printed["ok"], printed["file"]) == (0, True, path)
    assert {finding["verdict"] for finding in printed["findings"]} == {"held", "not testable"}
    for secret in (DEMO_KEY, DEMO_SECRET):
        assert secret not in done.stdout + done.stderr + written.read_text()


def test_a_named_account_is_not_probed_on_the_simulator(home: Path) -> None:
    done = doctor(home, "bybit", "--probe")
    assert done.returncode == 2
    assert "BYBIT_API_KEY and BYBIT_API_SECRET not set" in done.stderr
    assert done.stdout == ""


GOOD = """type: alphapulse_pipeline.components.ExchangeAccount
attributes: {exchange: okx, history_start: 2026-01-01}
"""


def test_a_file_that_cannot_be_read_hides_no_other_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio = "type: alphapulse_pipeline.components.Portfolio\nattributes: {currency: usd}\n"
    files = {"bad": GOOD.replace("okx", "oxk"), "good": GOOD, "portfolio": portfolio}
    for name, text in files.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "defs.yaml").write_text(text)
    monkeypatch.setattr(cli, "usable_deployment", lambda: usable_deployment(tmp_path))
    accounts, unread = cli._read([])
    assert [account.name for account in accounts] == ["good"]
    assert [(r.account, r.check, r.status) for r in unread] == [
        ("bad", "settings", "failed"),
        ("portfolio", "settings", "failed"),
    ]
    assert "bad/defs.yaml:2: attributes.exchange: ccxt has no exchange 'oxk'" in unread[0].message
    assert "portfolio/defs.yaml:2: attributes.currency: 'usd' is not an asset" in unread[1].message
    assert cli._read(["good"])[1] == []
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "defs.yaml").write_text(GOOD)
    with pytest.raises(SettingsError, match="--probe tests one account"):
        cli._probe(["good", "other"], demo=False, as_json=False)
    (tmp_path / "good" / "defs.yaml").rename(tmp_path / "good" / "defs.yml")
    accounts, unread = cli._read([])
    assert [account.name for account in accounts] == ["other"]
    assert [line.account for line in unread] == ["bad", "good", "portfolio"]
    with pytest.raises(SettingsError, match=r"no account othr; use one of other, bad, good, or "):
        cli._read(["othr"])
    assert "good/defs.yml: Dagster does not read" in unread[1].message
