"""Whatever stands in a file of the user's: one sentence, or exactly what it says."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import note
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.settings import environment
from alphapulse_pipeline.settings.accounts import read_account
from alphapulse_pipeline.settings.component_file import ACCOUNT
from alphapulse_pipeline.settings.environment import HOME, dotenv_path, lookup, read_dotenv
from alphapulse_pipeline.settings.errors import UserError
from alphapulse_pipeline.warehouse import deployed
from alphapulse_pipeline.warehouse.imports.presets import PRESETS
from alphapulse_pipeline.warehouse.imports.store import import_file
from alphapulse_pipeline_tests.fuzz.choices import Drawn, one
from alphapulse_pipeline_tests.fuzz.examples import NIGHTLY, fuzz
from alphapulse_pipeline_tests.fuzz.mutations import HOSTILE, changed_bytes

DB = Connection[TupleRow]
Check = Callable[[Any], None]
CSV = (
    b"market,trade_id,side,wallet,executed_at,price,amount,cost,fee_cost,kind\n"
    b"BTC/USDT,1,buy,spot,2026-09-01T00:01:00Z,60000.10,0.5,30000.05,0.1,trade\n"
    b"BTC/USDT,2,sell,spot,2026-09-01T00:02:00Z,60000.10,0.5,30000.05,0.1,trade\n"
)
DOTENV = b"# keys\nMAIN_API_KEY=abcdefgh\nMAIN_API_SECRET='it is # secret'\nMAIN_TESTNET=true\n"
YAML = f"""\
type: {ACCOUNT}

attributes:
  exchange: bybit
  history_start: 2026-01-01
  snapshot_cron: "*/5 * * * *"
  datasets: [trades, orders]
  options: {{recvWindow: 60000}}
  allow_trading_keys: false
""".encode()
WORDS = (
    *(text.strip('"') for text in HOSTILE if len(text) < 200),
    "\0",
    "\x1b[2J",
    "\u202e",
    "=cmd()",
    "{{ 1 }}",
    "&a [*a]",
    "!!python/object:os.system",
    "9999-12-31T23:59:59Z",
    "0001-01-01",
    "2026-02-30",
    "infinity",
    "x" * 5000,
)


@pytest.fixture
def checks(db: DB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Check]:
    deployed.register(db, "main", "binance", [(name, True, None) for name in HISTORIES])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(HOME, str(tmp_path))
    (tmp_path / "main").mkdir()
    return {
        "csv": lambda data: csv_file(data, db, tmp_path / "file.csv"),
        "preset": lambda data: preset(data, db, tmp_path / "file.csv"),
        "env": dotenv,
        "yaml": lambda data: yaml_file(data, tmp_path / "main" / "defs.yaml"),
    }


KINDS = ("csv", "preset", "env", "yaml")


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_file(kind: str, checks: dict[str, Check]) -> None:
    fuzz(checks[kind], 25, quick=True)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", KINDS)
def test_many_changed_files(kind: str, checks: dict[str, Check]) -> None:
    fuzz(checks[kind], NIGHTLY, quick=False)


def changed(data: Any, text: bytes, delimiters: str) -> bytes:
    """Its bytes changed, or one of its words."""
    if data.draw(st.booleans()):
        return changed_bytes(Drawn(data.draw), text)
    lines = text.decode().splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(lines) - 1))
        delimiter = one(Drawn(data.draw), delimiters)
        cells = lines[place].split(delimiter)
        cell = data.draw(st.integers(0, len(cells) - 1))
        cells[cell] = one(Drawn(data.draw), WORDS)
        lines[place] = delimiter.join(cells)
    return "".join(lines).encode("utf-8", "surrogatepass")


def sentence(failure: UserError) -> None:
    assert failure.problem
    assert failure.fix


def csv_file(data: Any, db: DB, path: Path) -> None:
    text = changed(data, CSV, ",")
    note(repr(text))
    path.write_bytes(text)
    db.execute("DELETE FROM alphapulse.trades")
    try:
        found = import_file(db, "main", HISTORIES["trades"], path)
    except UserError as failure:
        sentence(failure)
        assert count(db) == 0, "all or nothing"
        return
    cells = [row for row in csv.reader(io.StringIO(text.decode("utf-8-sig"), newline="")) if row]
    assert found.new <= found.read <= len(cells)
    assert count(db) == found.new
    given = {cell.strip() for row in cells for cell in row}
    numbers = {number for cell in given if (number := decimal(cell)) is not None}
    rows = db.execute("SELECT price, amount, cost, fee_cost FROM alphapulse.trades").fetchall()
    for value in (value for row in rows for value in row if value is not None):
        assert value in numbers, f"{value} is not in the file"


def preset(data: Any, db: DB, path: Path) -> None:
    """An export of an exchange: the lines are random, the columns are what it asks for."""
    name, dataset = one(Drawn(data.draw), sorted(PRESETS))
    words = st.sampled_from(WORDS) | st.text(max_size=10)
    columns = data.draw(st.lists(words, min_size=1, max_size=12))
    text = "\n".join(",".join(columns) for _ in range(2)).encode("utf-8", "surrogatepass")
    note(repr(text))
    path.write_bytes(text)
    try:
        import_file(db, "main", HISTORIES[dataset], path, name)
    except UserError as failure:
        sentence(failure)


def dotenv(data: Any) -> None:
    environment._seen.clear()
    text = changed(data, DOTENV, "=")
    note(repr(text))
    dotenv_path().write_bytes(text)
    try:
        read_dotenv()
        found = lookup("MAIN_API_KEY")
    except UserError as failure:
        sentence(failure)
        return
    assert all(line in text.decode() for line in found.splitlines() if "\\" not in line)


def yaml_file(data: Any, path: Path) -> None:
    text = changed(data, YAML, " ")
    note(repr(text))
    path.write_bytes(text)
    try:
        account = read_account(path)
    except UserError as failure:
        sentence(failure)
        return
    assert account is None or account.name == "main"


def count(db: DB) -> int:
    row = db.execute("SELECT count(*) FROM alphapulse.trades").fetchone()
    assert row
    return int(row[0])


def decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except ArithmeticError:
        return None
