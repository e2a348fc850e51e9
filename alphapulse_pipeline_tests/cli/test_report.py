"""`alphapulse report`, and the last lines of `alphapulse status`."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.numbers import exact, money, percent
from alphapulse_pipeline.portfolio.report.page import page
from alphapulse_pipeline.portfolio.summary import summary
from alphapulse_pipeline_tests.cli import running
from alphapulse_pipeline_tests.cli.holding import holding
from alphapulse_pipeline_tests.portfolio import example

DB = Connection[TupleRow]


@pytest.fixture
def held(db: DB) -> DB:
    example.fill(db)
    return db


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with holding(full=True) as home:
        yield home


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.unread = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.unread += tag in ("script", "style", "svg")

    def handle_endtag(self, tag: str) -> None:
        self.unread -= tag in ("script", "style", "svg")

    def handle_data(self, data: str) -> None:
        if not self.unread:
            self.words += data.split()


def read(html: str) -> str:
    """The visible text without the charts."""
    parser = _Text()
    parser.feed(html)
    return " ".join(parser.words)


def test_the_report_shows_the_value_and_its_confidence(held: DB) -> None:
    text = read(page(held))
    assert "48,211.31 USD Confidence 93.0 % , ± 3,374.79" in text
    assert "7,535.00 of it is carried from failed accounts" in text


def test_the_report_shows_what_no_history_explains(held: DB) -> None:
    assert "do not explain a change" not in read(page(held))
    held.execute("UPDATE portfolio.value SET unexplained = 12.5 WHERE account = ''")
    shown = "The histories do not explain a change of 12.50 since the last snapshot yet"
    assert shown in read(page(held))


def test_the_report_shows_what_is_wrong(held: DB) -> None:
    text = read(page(held))
    assert f"kraken has been failing since {example.NOW - 4 * example.DAY:%Y-%m-%d %H:%M}" in text
    assert example.FAILURE in text
    assert "1 balance does not reconcile" in text
    assert "No price , and therefore not included in any total: 125,000 NEWCOIN (bybit)" in text
    assert "break bybit unified -12.5 USDT" in text


def test_numbers_of_the_tables_are_exact(held: DB) -> None:
    html = page(held)
    assert "BTC bybit unified balance 0.4200000001 62,000.5 26,040.21 54.0 %" in read(html)
    assert 'title="26,040.21000620005"' in html


def test_without_data_the_report_says_what_to_run(db: DB) -> None:
    html = page(db)
    assert "Nothing is synced yet: run alphapulse up or alphapulse sync" in read(html)
    assert "<script" not in html


def test_synced_but_not_calculated_yet(held: DB) -> None:
    for table in ("value", "holdings", "exposure", "lots", "realized_pnl", "reconciliation"):
        held.execute(f"TRUNCATE portfolio.{table}".encode())
    text = read(page(held))
    assert "the portfolio is not calculated yet" in text
    assert "Nothing to reconcile yet" in text
    assert "kraken is failing: balances: the key was refused" in text


def test_a_report_without_breaks_says_so(held: DB) -> None:
    held.execute("UPDATE portfolio.reconciliation SET state = 'reconciled', residual = 0")
    assert "all of them reconcile exactly" in read(page(held))


def test_names_that_an_exchange_invents_are_text(held: DB) -> None:
    hostile = "</script><img src=x onerror=alert(1)>"
    for table in ("holdings", "exposure", "realized_pnl", "reconciliation"):
        held.execute(f"UPDATE portfolio.{table} SET asset = %s WHERE asset = 'BTC'".encode(),
                     [hostile])  # fmt: skip
    held.execute("UPDATE portfolio.reconciliation SET state = 'break', reason = %s", [hostile])
    html = page(held)
    assert hostile not in html
    assert html.count("</script>") == 2
    assert "<img" not in html.partition("</script>")[0]


def test_the_page_requests_nothing(held: DB) -> None:
    html = page(held)
    assert "default-src 'none'" in html
    body = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert not re.search(r"<(link|img|iframe)|\bsrc=|@import|url\((?!#)", body)


def test_the_file_is_written_and_written_again(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "november.html"
    done = running.run(home, "report", "--demo", "--out", str(file))
    assert done.returncode == 0, done.stderr
    assert f"wrote {file} (" in done.stderr
    assert "48,211.31" in file.read_text()
    assert "overwrote" in running.run(home, "report", "--demo", "--out", str(file)).stderr


def test_a_file_that_cannot_be_written_is_one_sentence(home: Path) -> None:
    done = running.run(home, "report", "--demo", "--out", "nowhere/report.html")
    assert done.returncode == 2
    said = "cannot write nowhere/report.html: No such file or directory; name another file"
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_status_ends_with_the_value_and_the_breaks(home: Path) -> None:
    done = running.run(home, "status", "--demo")
    assert done.returncode == 0, done.stderr
    total, differences = done.stdout.splitlines()[-2:]
    assert total.startswith("Total value 48,211.31 USD (confidence 93.0 %, ± 3,374.79) at ")
    assert total.endswith("; not included, no price: NEWCOIN")
    assert differences.startswith(
        "differences between balances and histories: 1 break, 0 unverifiable, 1 pending; bybit: "
        "USDT in wallet unified is off by -12.5 between"
    )
    assert "Total value" not in running.run(home, "status", "--demo", "--json").stdout


def test_without_a_portfolio_there_is_no_summary(db: DB) -> None:
    assert summary(db) == []


def test_a_portfolio_without_breaks_says_so(held: DB) -> None:
    held.execute("UPDATE portfolio.reconciliation SET state = 'reconciled', residual = 0")
    assert summary(held)[1:] == ["every balance reconciles with its history"]
    held.execute("DELETE FROM portfolio.reconciliation")
    assert "nothing to reconcile yet" in summary(held)[1]


def test_a_share_is_never_rounded_up_to_all() -> None:
    assert percent(example.TOTAL / (example.TOTAL + 1)) == "99.9 %"
    assert exact(-example.TOTAL) == "-48,211.3050000001"
    assert money(-example.TOTAL) == "-48,211.31"
