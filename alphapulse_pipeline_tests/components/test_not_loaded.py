"""A mistake in one account's file: the others load, and the mistake is shown."""

from pathlib import Path

import dagster as dg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.cli.status import status
from alphapulse_pipeline.components.alerts import check_failure_alerts
from alphapulse_pipeline.definitions import defs
from alphapulse_pipeline.settings.component_file import ACCOUNT, PORTFOLIO
from alphapulse_pipeline.settings.project import PROJECT
from alphapulse_pipeline.warehouse import deployed
from alphapulse_pipeline_tests.bybit_datasets import DATASETS

GOOD = f"""\
type: {ACCOUNT}
attributes:
  exchange: bybit
  history_start: 2026-01-01
"""
MISTAKES = {
    "syntax": (GOOD + "  - x\n", ":5: not valid YAML: "),
    "unknown_field": (GOOD + "  snapshot_corn: x\n", ":5: attributes.snapshot_corn: unknown"),
    "wrong_exchange": (GOOD.replace("bybit", "byybit"), ":3: attributes.exchange: ccxt has no"),
    "empty_file": ("", ":1: type: missing; add `type: "),
    "missing_file": (None, ": missing; add the file, or remove its folder"),
    "bad_cron": (GOOD + "  history_cron: daily\n", ":5: attributes.history_cron: 'daily' is not"),
    "unknown_wallet": (GOOD + "  wallets: [spot]\n", ": bybit has no wallet 'spot'; in"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two good accounts and a portfolio; it is in effect."""
    files = {"good_1": GOOD, "good_2": GOOD, "portfolio": f"type: {PORTFOLIO}\n"}
    for name, text in files.items():
        (tmp_path / "defs" / name).mkdir(parents=True)
        (tmp_path / "defs" / name / "defs.yaml").write_text(text)
    monkeypatch.setenv(PROJECT, str(tmp_path))
    return tmp_path / "defs"


def keys(loaded: dg.Definitions) -> set[str]:
    return {spec.key.to_user_string() for spec in loaded.resolve_all_asset_specs()}


def test_the_others_load_and_a_broken_account_says_why_it_does_not(folder: Path) -> None:
    for mistake, (text, _) in MISTAKES.items():
        (folder / mistake).mkdir()
        if text is not None:
            (folder / mistake / "defs.yaml").write_text(text)
    (folder / "mine.py").write_text("import dagster as dg\n\n@dg.asset\ndef mine() -> None: ...\n")
    loaded = defs()
    dg.Definitions.validate_loadable(loaded)
    good = {f"{name}/{dataset}" for name in ("good_1", "good_2") for dataset in DATASETS}
    assert good | {"mine", "portfolio/value"} <= keys(loaded)
    schedules = {schedule.name for schedule in loaded.schedules or ()}
    assert {"good_1_history", "good_2_catch_up"} <= schedules
    graph = loaded.resolve_asset_graph()
    for mistake, (_, sentence) in MISTAKES.items():
        key = dg.AssetKey([mistake, "settings"])
        assert sentence in str(graph.get(key).description)

    (sensor,) = [sensor for sensor in loaded.sensors or () if sensor.name == "not_loaded"]
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    (folder / "bad_cron" / "defs.yaml").rename(folder / "bad_cron" / "defs.yml")
    with dg.DagsterInstance.ephemeral() as instance:

        def tick(cursor: str | None) -> tuple[dict[str, str], str | None, str]:
            """What a tick reports, its cursor, and why it starts no run."""
            with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
                found = sensor.evaluate_tick(context)
            reported = {}
            for event in found.asset_events:
                assert isinstance(event, dg.AssetCheckEvaluation)
                outcome = "passed" if event.passed else "failed"
                reported[event.asset_key.path[0]] = f"{outcome}: {event.description}"
            return reported, found.cursor, str(found.skip_message)

        reported, cursor, said = tick(None)
        assert len(reported) == len(MISTAKES)
        assert reported["empty_file"].startswith("failed: ")
        assert "defs.yml: Dagster does not read" in reported["bad_cron"]
        assert MISTAKES["syntax"][1] in said
        (folder / "syntax" / "defs.yaml").write_text(GOOD)
        reported, cursor, _ = tick(cursor)
        assert list(reported) == ["syntax"]
        assert reported["syntax"].startswith("passed: correct now")
        assert tick(cursor)[0] == {}


def test_strange_names_and_a_broken_portfolio_stop_nobody(folder: Path) -> None:
    for name in ("a-b", "a b", "[good_1]", "2nd"):
        (folder / name).mkdir()
    (folder / "portfolio" / "defs.yaml").write_text(f"type: {PORTFOLIO}\nattributes: {{x: 1}}\n")
    loaded = defs()
    dg.Definitions.validate_loadable(loaded)
    shown = {key for key in keys(loaded) if key.endswith("/settings")}
    expected = ("a_b", "a_b_", "_good_1_", "2nd", "portfolio")
    assert shown == {f"{name}/settings" for name in expected}
    assert "good_1/trades" in keys(loaded)


def test_status_and_alerts_say_why(
    folder: Path,
    database: str,
    db: Connection[TupleRow],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GOOD_1_API_KEY", "k")
    monkeypatch.setenv("GOOD_1_API_SECRET", "s")
    monkeypatch.setenv("ALPHAPULSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    for name in ("good_1", "tenth"):
        deployed.register(db, name, "bybit", [("trades", True, None)])
    (folder / "tenth").mkdir()
    (folder / "tenth" / "defs.yaml").write_text(GOOD + "  history_cron: daily\n")
    assert status() == 0
    printed = capsys.readouterr()
    assert printed.err.count("tenth/defs.yaml:5: attributes.history_cron: 'daily'") == 1
    rows: dict[str, str] = dict(
        db.execute("SELECT account, (status, error)::text FROM alphapulse.sync_status").fetchall()
    )
    assert rows["tenth"].startswith('(failed,"not synced, because its file has a mistake: ')
    assert rows["good_1"] == "(pending,)"

    with dg.DagsterInstance.ephemeral() as instance:

        def tick() -> str:
            with dg.build_sensor_context(instance=instance) as context:
                return str(check_failure_alerts(folder).evaluate_tick(context).skip_message)

        assert tick().startswith("1 began")
        ((cause, text),) = db.execute("SELECT cause, finding FROM alphapulse.alerts").fetchall()
        assert cause == "settings"
        assert text.startswith("not synced, because its file has a mistake: ")
        (folder / "tenth" / "defs.yaml").write_text(GOOD)
        assert tick().startswith("1 ended")
    assert db.execute("SELECT status FROM alphapulse.sync_status").fetchall() == [
        ("pending",),
        ("pending",),
    ]
