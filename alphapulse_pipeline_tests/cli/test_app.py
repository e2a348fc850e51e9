"""The command itself: its help, what it imports, and an installation without the simulator."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alphapulse_pipeline.cli import output, workspace
from alphapulse_pipeline.cli.app import COMMANDS, app, load
from alphapulse_pipeline.cli.simulator import simulator
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline_tests.cli import running

HEAVY = ("dagster", "ccxt", "alembic", "pandas", "pyarrow", "starlette")
MAIN = Account(
    "main", AccountSettings.model_validate({"exchange": "bybit", "history_start": "2026-01-01"})
)


def test_help_lists_every_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(app, ["--help"]).output
    for name, (_, summary) in COMMANDS.items():
        assert any(name in line and summary in line for line in shown.splitlines()), name


def test_the_version_is_printed() -> None:
    assert CliRunner().invoke(app, ["--version"]).output.startswith("alphapulse 0.")


def test_under_uv_a_message_names_the_command_as_it_is_typed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert output.runnable("run `alphapulse up`") == "run `alphapulse up`"
    monkeypatch.setenv("UV", "/usr/bin/uv")
    assert output.runnable("run `alphapulse up`") == "run `uv run alphapulse up`"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_help_begins_with_its_summary(name: str) -> None:
    assert load(name).help.startswith(COMMANDS[name][1])


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"]])
def test_no_command_imports_what_it_does_not_need(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        f"sys.argv = ['alphapulse', *{arguments!r}]\n"
        "from alphapulse_pipeline.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n"
        f"    print('imported', *({{*{HEAVY!r}}} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "imported", done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["statu"], "Did you mean 'status'?"),
        (["status", "--nonsense"], "No such option: --nonsense"),
        (["circuit"], ""),
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], words: str, tmp_path: Path) -> None:
    done = running.run(tmp_path / "home", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert not done.stderr.endswith("error: \n")
    assert "Traceback" not in done.stderr


def test_without_the_simulator_the_demo_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAIN_API_KEY", raising=False)
    monkeypatch.delenv("MAIN_API_SECRET", raising=False)
    monkeypatch.setattr(workspace, "find_spec", lambda _: None)
    with pytest.raises(SettingsError) as raised:
        workspace.require_simulator([MAIN])
    assert raised.value.problem == (
        "MAIN_API_KEY not set, and the demo's simulator is not installed"
    )
    assert raised.value.fix == (
        "set the credentials of an account, or run `pip install exchange-simulator`"
    )


def test_without_the_simulator_its_command_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith("exchange_simulator")]:
        monkeypatch.delitem(sys.modules, name)

    class Hidden:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "exchange_simulator":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(sys, "meta_path", [Hidden(), *sys.meta_path])
    with pytest.raises(SettingsError, match="pip install exchange-simulator"):
        simulator(None)  # type: ignore[arg-type]


def test_dagsters_settings_are_found_in_a_wheel_and_in_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "alphapulse_pipeline"
    package.mkdir()
    monkeypatch.setattr(workspace, "_PACKAGE", package)
    assert workspace.dagster_yaml() == tmp_path / "dagster.yaml"
    (package / "dagster.yaml").touch()
    assert workspace.dagster_yaml() == package / "dagster.yaml"


def test_ones_own_server_never_gets_the_demo_by_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MAIN_API_KEY", raising=False)
    monkeypatch.delenv("MAIN_API_SECRET", raising=False)
    monkeypatch.delenv("ALPHAPULSE_POSTGRES_URL", raising=False)
    assert workspace.no_credentials([MAIN], ())
    assert "using the demo" in capsys.readouterr().err
    monkeypatch.setenv("ALPHAPULSE_POSTGRES_URL", "postgresql://db.example.com/alphapulse")
    assert not workspace.no_credentials([MAIN], ())
    assert "MAIN_API_KEY not set): set those of an account" in capsys.readouterr().err


def test_an_operators_dagster_settings_are_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
    workspace.prepare_dagster(tmp_path)
    settings = workspace.dagster_home(tmp_path) / "dagster.yaml"
    ours = workspace.dagster_yaml().read_text()
    assert settings.read_text() == ours
    settings.write_text(ours + "# of an older version\n")
    workspace.prepare_dagster(tmp_path)
    assert settings.read_text() == ours
    own = ours.partition("\n")[2] + "\nrun_launcher:\n  module: of_their_own\n"
    settings.write_text(own)
    workspace.prepare_dagster(tmp_path)
    assert settings.read_text() == own
