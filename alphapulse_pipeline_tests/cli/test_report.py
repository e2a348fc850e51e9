"""`alphapulse report`, and the last lines of `alphapulse status`."""

import re
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets.books import book_row
from alphapulse_pipeline.portfolio.numbers import exact, money, percent, rounded
from alphapulse_pipeline.portfolio.report import page as report_page
from alphapulse_pipeline.portfolio.report.facts import facts
from alphapulse_pipeline.portfolio.report.scope import Scope
from alphapulse_pipeline.portfolio.summary import summary
from alphapulse_pipeline.warehouse import deployed
from alphapulse_pipeline.warehouse.batches import Batch, Batches
from alphapulse_pipeline.warehouse.books import missing
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.cli import running
from alphapulse_pipeline_tests.cli.holding import holding
from alphapulse_pipeline_tests.portfolio import example

DB = Connection[TupleRow]
EVERYTHING = Scope()


@pytest.fixture
def held(db: DB) -> DB:
    example.fill(db)
    return db


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with holding(full=True) as home:
        yield home


def page(db: DB, scope: Scope = EVERYTHING) -> str:
    return report_page.page(db, scope, demo=False)


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
    assert "1 balance or position does not reconcile" in text
    assert "No price , and therefore not included in any total: 125,000 NEWCOIN (bybit)" in text
    assert "break bybit USDT in wallet unified -12.5" in text


def test_the_report_and_status_name_what_the_exchange_counts_and_nobody_reads(held: DB) -> None:
    assert "own totals" not in read(page(held))
    books = [
        book_row("Earn", "unread", "USD", Decimal("23128.41"), Decimal(0)),
        book_row("FundingAccount", "read", "USD", Decimal(900_000), Decimal(700_000)),
        book_row("Launchpool", "read", "USD", Decimal(0), Decimal(0)),
    ]
    write(held, Batches("bybit", "books", [Batch(books, captured_at=example.NOW)]), "test")
    deployed.register(held, "bybit", "bybit", [("books", True, None)])
    text = read(page(held))
    assert (
        "bybit: Earn: not read, more than 1 % of the account . The exchange counts 23,128.41 USD; "
        "none of it is in the figures of this report." in text
    )
    assert "The exchange counts 900,000.00 USD; 700,000.00 USD were read." in text
    assert "Launchpool" not in text
    assert [str(book) for book in missing(held, ["bybit"])] == [
        "FundingAccount: the exchange counts 900,000.00 USD, 700,000.00 were read",
        "Earn is not read: it holds 23,128.41 USD, 2.51 % of the account",
    ]


def test_numbers_are_rounded_and_have_all_their_digits_in_the_title(held: DB) -> None:
    held.execute("UPDATE portfolio.exposure SET leverage = 4.0 / 3 WHERE account = ''")
    html = page(held)
    assert "BTC bybit unified balance 0.42 62,000.5 26,040.21 54.3 %" in read(html)
    assert 'title="0.4200000001"' in html
    assert 'title="26,040.21000620005"' in html
    assert ">1.33<" in html
    assert not re.search(r"\.\d{9}", read(html))


def test_without_data_the_report_says_what_to_run(db: DB) -> None:
    html = page(db)
    assert "Nothing is synced yet: run uv run alphapulse up or uv run alphapulse sync" in read(html)
    assert "<script" not in html


def test_synced_but_not_calculated_yet(held: DB) -> None:
    for table in (
        "value",
        "holdings",
        "exposure",
        "matched_lots",
        "matched_lines",
        "reconciliation",
    ):
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
    for table in ("holdings", "exposure", "matched_lines", "reconciliation"):
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


def test_a_demo_is_marked_and_your_own_data_are_not(db: DB) -> None:
    marks = ("<title>Demo: ", "Demo: all figures are simulated</p>", ">DEMO<", "@top-center")
    html = report_page.page(db, EVERYTHING, demo=True)
    assert all(mark in html for mark in marks)
    assert not any(mark in page(db) for mark in marks)


def test_a_report_is_about_one_account_and_the_days_that_were_asked_for(held: DB) -> None:
    first, last = (example.NOW - n * example.DAY for n in (30, 3))
    found = facts(held, Scope("bybit", first.date(), last.date()))
    row = held.execute(
        "SELECT sum(pnl) FROM portfolio.realized_pnl WHERE realized_at >= date_trunc('day', %s)"
        " AND realized_at < date_trunc('day', %s) + interval '1 day'",
        [first, last],
    ).fetchone()
    assert row
    assert found.pnl == row[0]
    assert found.total
    assert found.total["account"] == "bybit"
    assert found.total["at"] == last  # the last day is included
    assert [found.curve[0]["at"], found.curve[-1]["at"]] == [first, last]
    assert found.residuals.breaks == 0  # the break is older
    assert {row["account"] for row in found.holdings} == {"bybit"}
    assert found.lots == []  # of now
    assert facts(held, Scope("kraken")).pnl is None
    both = facts(held, EVERYTHING)
    assert both.residuals.breaks == 1
    assert [row["account"] for row in both.values] == ["bybit", "kraken"]


def test_deposits_and_fees_are_valued_and_are_no_profit(held: DB) -> None:
    held.execute(
        "INSERT INTO alphapulse.transfers (account, kind, transfer_id, asset, amount, fee_cost,"
        " fee_currency, from_wallet, to_wallet, status, happened_at, raw, run_id) VALUES ("
        "'bybit', 'deposit', 'd', 'USDT', 1000, 0, 'USDT', '', 'unified', 'ok', %(in)s, '{}', ''),"
        " ('bybit', 'withdrawal', 'w', 'BTC', 0.01, 0.001, 'BTC', 'unified', '', 'ok', %(out)s,"
        " '{}', ''), ('bybit', 'transfer', 't', 'USDT', 70, 0, 'USDT', 'unified', 'funding', 'ok',"
        " %(in)s, '{}', '')",
        {"in": example.NOW - 100 * example.DAY, "out": example.NOW - 50 * example.DAY},
    )
    before = facts(held, Scope("bybit", None, (example.NOW - 120 * example.DAY).date()))
    assert (before.deposits, before.withdrawals) == (None, None)
    found = facts(held, Scope("bybit"))
    assert [(flow["asset"], flow["amount"]) for flow in found.flows] == [
        ("BTC", Decimal("-0.01")),
        ("USDT", Decimal(1000)),
    ]
    assert found.deposits == 1000 * Decimal("0.9998")
    assert found.withdrawals == Decimal("-0.01") * Decimal("62000.5")
    assert found.fees == -40 * Decimal("0.6") * Decimal("0.9998") - Decimal("62.0005")


def test_the_return_is_that_of_the_days_and_does_not_depend_on_flows(held: DB) -> None:
    earned = facts(held, Scope("kraken")).performance
    assert earned
    assert (earned.opening, earned.flows) == (
        Decimal(5000),
        Decimal(0),
    )
    assert earned.rate is not None
    assert earned.rate.quantize(Decimal("1e-20")) == (earned.closing / 5000 - 1).quantize(
        Decimal("1e-20")
    )
    # on the fifth day as much came as was there, and stayed
    later = "UPDATE portfolio.value_daily SET {} WHERE account = 'kraken' AND day >= %s"
    day = (example.NOW - (example.DAYS - 5) * example.DAY).date()
    held.execute(later.format("value = value + 1000").encode(), [day])
    held.execute(
        b"UPDATE portfolio.value_daily SET flows = 1000 WHERE account = 'kraken' AND day = %s",
        [day],
    )
    found = facts(held, Scope("kraken")).performance
    assert found
    assert found.opening + found.flows + found.profit == found.closing
    assert (found.flows, found.profit) == (Decimal(1000), earned.profit)
    assert found.rate == earned.rate


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40))
def test_a_rounded_number_is_near_and_never_zero(number: Decimal) -> None:
    shown = Decimal(rounded(number).replace(",", ""))
    assert abs(shown - number) <= abs(number) / 10**5
    assert (shown == 0) == (number == 0)


def test_the_command_takes_an_account_and_days(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "q.html"
    chosen = ("report", "--demo", "--out", str(file), "bybit")
    done = running.run(home, *chosen, "--since", "2026-02-30")
    assert done.returncode == 2
    assert "2026-02-30" in done.stderr
    done = running.run(home, *chosen, "--since", "2026-02-02", "--until", "2026-02-01")
    assert (done.returncode, "--until is before --since" in done.stderr) == (2, True)
    done = running.run(home, "report", "--demo", "bybt")
    assert (done.returncode, "no account bybt; use one of bybit, kraken" in done.stderr) == (
        2,
        True,
    )
    done = running.run(home, *chosen, "--until", "2020-01-01")
    assert done.returncode == 0, done.stderr
    assert "The first snapshot is newer" in file.read_text()


def test_the_file_is_written_and_written_again(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "november.html"
    done = running.run(home, "report", "--demo", "--out", str(file))
    assert done.returncode == 0, done.stderr
    assert f"wrote {file} (" in done.stderr
    assert "48,211.31" in file.read_text()
    assert "overwrote" in running.run_here(home, "report", "--demo", "--out", str(file)).stderr


def test_a_file_that_cannot_be_written_is_one_sentence(home: Path) -> None:
    done = running.run_here(home, "report", "--demo", "--out", "nowhere/report.html")
    assert done.returncode == 2
    said = "cannot write nowhere/report.html: No such file or directory; name another file"
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_status_ends_with_the_value_and_the_breaks(home: Path) -> None:
    done = running.run_here(home, "status", "--demo")
    assert done.returncode == 0, done.stderr
    total, differences = done.stdout.splitlines()[-2:]
    assert total.startswith(
        "Total value 48,211.31 USD (confidence of the prices 93.0 %, ± 3,374.79) at "
    )
    assert total.endswith("; not included, no price: NEWCOIN")
    assert differences.startswith(
        "differences between balances or positions and the histories: 1 break, 0 unverifiable, "
        "1 pending; bybit: USDT in wallet unified is off by -12.5 between"
    )
    assert "Total value" not in running.run_here(home, "status", "--demo", "--json").stdout


def test_without_a_portfolio_there_is_no_summary(db: DB) -> None:
    assert summary(db) == []


def test_a_portfolio_without_breaks_says_so(held: DB) -> None:
    held.execute("UPDATE portfolio.reconciliation SET state = 'reconciled', residual = 0")
    assert summary(held)[1:] == ["every balance and position reconciles with its history"]
    held.execute("DELETE FROM portfolio.reconciliation")
    assert "nothing to reconcile yet" in summary(held)[1]


def test_a_share_is_never_rounded_up_to_all() -> None:
    assert percent(example.TOTAL / (example.TOTAL + 1)) == "99.9 %"
    assert exact(-example.TOTAL) == "-48,211.3050000001"
    assert money(-example.TOTAL) == "-48,211.31"
