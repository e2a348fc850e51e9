"""What was realised, calculated by hand."""

from decimal import Decimal

import pytest

from alphapulse_pipeline_tests.portfolio.bookkeeping import (
    DB,
    balances,
    booked,
    everything,
    fill,
    from_nothing,
    funding,
    held,
    hour,
    lines,
    price,
    refresh,
    rows,
    transfer,
)

D = Decimal


@pytest.fixture(autouse=True)
def dollars(db: DB) -> None:
    price(db, "USD", 1)


@pytest.mark.parametrize(
    ("method", "sold", "costs"),
    [
        ("fifo", "1.25", [D(100), D(30)]),
        ("lifo", "1", [D(60), D(50)]),
        ("hifo", "1", [D(60), D(50)]),
        ("average", "1.25", [D("106.666666666666666667"), D("26.666666666666666666")]),
    ],
)
def test_each_method_sells_its_own_lots_first(
    db: DB, method: str, sold: str, costs: list[Decimal]
) -> None:
    bought = [
        fill(db, 1, "BTC/USD", "buy", 1, 100),
        fill(db, 2, "BTC/USD", "buy", "0.5", 60),
    ]
    if method in ("lifo", "hifo"):
        bought.reverse()
    closed_by = fill(db, 3, "BTC/USD", "sell", sold, 300)
    refresh(db, cost_basis=method)
    assert lines(db, "BTC", "cost", "opened_by", "closed_by") == [
        (cost, entry, closed_by) for cost, entry in zip(costs, bought, strict=True)
    ]
    assert held(db) == {("a", "BTC"): (D("1.5") - D(sold), 160 - sum(costs))}


def test_the_last_share_of_a_cost_takes_what_rounding_left(db: DB) -> None:
    fill(db, 1, "BTC/USD", "buy", 3, 100)
    for at in (2, 3, 4):
        fill(db, at, "BTC/USD", "sell", 1, 50)
    refresh(db)
    costs = [cost for (cost,) in lines(db, "BTC", "cost")]
    third = D("33.333333333333333333")
    assert costs == [third, D("33.333333333333333334"), third]
    assert sum(costs) == 100


def test_a_fee_in_what_is_bought_leaves_less_at_the_same_cost(db: DB) -> None:
    fill(db, 1, "BTC/USD", "buy", 1, 100, fee=("0.01", "BTC"))
    refresh(db)
    assert held(db) == {("a", "BTC"): (D("0.99"), D(100))}


def test_a_fee_in_what_is_paid_adds_to_the_cost_and_takes_from_the_proceeds(db: DB) -> None:
    fill(db, 1, "BTC/USD", "buy", 1, 100, fee=(2, "USD"))
    fill(db, 2, "BTC/USD", "sell", 1, 110, fee=(3, "USD"))
    refresh(db)
    assert lines(db, "BTC") == [("trade", 1, 107, 102, 5)]


def test_a_fee_in_a_third_currency_is_a_sale_of_it_and_part_of_the_cost(db: DB) -> None:
    price(db, "BNB", 300)
    price(db, "BNB", 400, at=2)
    fill(db, 1, "BNB/USD", "buy", 1, 250)
    fill(db, 3, "BTC/USD", "buy", 1, 100, fee=("0.01", "BNB"))
    fill(db, 4, "BTC/USD", "sell", 1, 200, fee=("0.02", "BNB"))
    refresh(db)
    assert lines(db, "BNB") == [
        ("fee", D("0.01"), 4, D("2.5"), D("1.5")),
        ("fee", D("0.02"), 8, 5, 3),
    ]
    assert lines(db, "BTC") == [("trade", 1, 200 - 8, 100 + 4, 88)]


def test_what_is_paid_with_another_asset_is_sold_at_its_price(db: DB) -> None:
    price(db, "USDT", 1)
    price(db, "USDT", D("1.02"), at=2)
    fill(db, 1, "USDT/USD", "buy", 500, 500)
    fill(db, 3, "BTC/USDT", "buy", 1, 100)
    fill(db, 4, "BTC/USDT", "sell", 1, 150)
    refresh(db)
    assert lines(db, "USDT") == [("trade", 100, 102, 100, 2)]
    assert lines(db, "BTC") == [("trade", 1, 153, 102, 51)]
    assert held(db)["a", "USDT"] == (D(550), D(400 + 153))


def test_a_sale_of_what_is_not_held_is_closed_by_the_next_purchase(db: DB) -> None:
    sold = fill(db, 1, "BTC/USD", "sell", 2, 200)
    bought = fill(db, 2, "BTC/USD", "buy", 3, 270)
    refresh(db)
    assert lines(db, "BTC") == [("trade", -2, 200, 180, 20)]
    assert lines(db, "BTC", "opened_by", "closed_by") == [(sold, bought)]
    assert held(db) == {("a", "BTC"): (1, 90)}


def test_borrowed_coins_that_are_sold_realise_what_buying_them_back_saves(db: DB) -> None:
    booked(db, 1, "BORROW", "BTC", 1)
    fill(db, 2, "BTC/USD", "sell", 1, 500)
    fill(db, 3, "BTC/USD", "buy", 1, 400)
    booked(db, 4, "REPAY", "BTC", -1)
    refresh(db)
    assert lines(db, "BTC") == [("trade", -1, 500, 400, 100)]
    assert held(db) == {("a", "BTC"): (0, 0)}


def test_income_is_worth_its_price_and_so_much_is_its_cost(db: DB) -> None:
    price(db, "ETH", 10)
    entry = booked(db, 1, "REWARD", "ETH", 2)
    fill(db, 2, "ETH/USD", "sell", 2, 30)
    refresh(db)
    assert lines(db, "ETH") == [("income", 0, 20, 0, 20), ("trade", 2, 30, 20, 10)]
    assert lines(db, "ETH", "opened_by", "closed_by")[1][0] == entry


def test_interest_is_an_expense_and_sells_the_coins_that_pay_it(db: DB) -> None:
    price(db, "ETH", 10)
    fill(db, 1, "ETH/USD", "buy", 2, 14)
    booked(db, 2, "INTEREST", "ETH", -1)
    refresh(db)
    assert lines(db, "ETH") == [("expense", 0, 0, 10, -10), ("payment", 1, 10, 7, 3)]


def test_interest_in_the_reporting_currency_is_an_expense_too(db: DB) -> None:
    booked(db, 1, "INTEREST", "USD", -5)
    refresh(db)
    assert lines(db, "USD") == [("expense", 0, 0, 5, -5)]


def test_what_is_withdrawn_leaves_at_its_cost_and_realises_nothing(db: DB) -> None:
    price(db, "BTC", 500)
    fill(db, 1, "BTC/USD", "buy", 2, 100)
    transfer(db, 2, "withdrawal", "BTC", 1, fee="0.1")
    refresh(db)
    assert lines(db, "BTC") == [
        ("withdrawal", 1, 50, 50, 0),
        ("fee", 0, 0, 50, -50),
        ("payment", D("0.1"), 50, 5, 45),
    ]
    assert held(db)["a", "BTC"] == (D("0.9"), 45)


def test_a_deposit_from_outside_costs_what_it_is_worth(db: DB) -> None:
    price(db, "BTC", 500)
    transfer(db, 1, "deposit", "BTC", 2)
    refresh(db)
    assert held(db) == {("a", "BTC"): (2, 1000)}


@pytest.mark.parametrize("txid", ["0xabc", ""])
def test_lots_that_move_to_another_own_account_keep_what_they_cost(db: DB, txid: str) -> None:
    price(db, "BTC", 500)
    first = fill(db, 1, "BTC/USD", "buy", 1, 100)
    second = fill(db, 2, "BTC/USD", "buy", 1, 300)
    transfer(db, 3, "withdrawal", "BTC", "1.5", fee="0.1", txid=txid)
    transfer(db, 4, "deposit", "BTC", "1.5", account="b", txid=txid)
    sold = fill(db, 5, "BTC/USD", "sell", "1.5", 600, account="b")
    refresh(db)
    assert held(db) == {("a", "BTC"): (D("0.4"), 120), ("b", "BTC"): (0, 0)}
    columns = "kind", "amount", "proceeds", "cost", "opened_by", "closed_by", "acquired_at"
    assert [row for row in lines(db, "BTC", *columns) if row[0] == "trade"] == [
        ("trade", 1, 400, 100, first, sold, hour(1)),
        ("trade", D("0.5"), 200, 150, second, sold, hour(2)),
    ]


def test_a_transfer_that_is_matched_later_carries_its_cost_after_all(db: DB) -> None:
    price(db, "BTC", 500)
    fill(db, 1, "BTC/USD", "buy", 1, 100)
    transfer(db, 4, "deposit", "BTC", 1, account="b", txid="x")
    refresh(db)
    assert held(db)["b", "BTC"] == (1, 500)
    transfer(db, 3, "withdrawal", "BTC", 1, txid="x")
    refresh(db)
    assert held(db) == {("a", "BTC"): (0, 0), ("b", "BTC"): (1, 100)}


def test_a_late_purchase_changes_what_another_account_was_sent(db: DB) -> None:
    price(db, "BTC", 500)
    fill(db, 2, "BTC/USD", "buy", 1, 100)
    transfer(db, 3, "withdrawal", "BTC", 1, txid="x")
    transfer(db, 4, "deposit", "BTC", 1, account="b", txid="x")
    refresh(db)
    fill(db, 1, "BTC/USD", "buy", 1, 40)
    refresh(db)
    assert held(db) == {("a", "BTC"): (1, 100), ("b", "BTC"): (1, 40)}


def test_a_withdrawal_that_is_called_off_comes_back_at_its_cost(db: DB) -> None:
    price(db, "BTC", 500)
    fill(db, 1, "BTC/USD", "buy", 1, 100)
    transfer(db, 2, "withdrawal", "BTC", 1, status="canceled", updated=3)
    refresh(db)
    assert held(db) == {("a", "BTC"): (1, 100)}
    assert rows(db, "SELECT acquired_at FROM portfolio.lots WHERE remaining <> 0") == [(hour(1),)]


def test_accounts_together_sell_what_any_of_them_bought(db: DB) -> None:
    fill(db, 1, "BTC/USD", "buy", 1, 100)
    fill(db, 2, "BTC/USD", "buy", 1, 300, account="b")
    fill(db, 3, "BTC/USD", "sell", 1, 400, account="b")
    refresh(db)
    assert lines(db, "BTC", "account", "cost") == [("b", 300)]
    refresh(db, across_accounts=True)
    assert lines(db, "BTC", "account", "cost") == [("", 100)]


def test_of_an_account_whose_rows_are_all_gone_nothing_is_left(db: DB) -> None:
    fill(db, 1, "BTC/USD", "buy", 1, 100)
    fill(db, 2, "BTC/USD", "buy", 1, 100, account="b")
    refresh(db)
    db.execute("DELETE FROM alphapulse.trades WHERE account = 'b'")
    refresh(db)
    known = everything(db)
    assert [row[:4] for row in known["cost_basis"]] == [("a", "BTC", 1, 100)]
    assert known == from_nothing(db)


def test_what_came_back_costs_what_it_did_where_all_accounts_share_their_lots(db: DB) -> None:
    for at, account in enumerate("ab"):
        fill(db, at, "BTC/USD", "buy", 2, 100 + at, account=account)
        gone = {"txid": "", "status": "canceled", "transfer_id": "7", "account": account}
        transfer(db, 2 + at, "withdrawal", "BTC", 1, updated=5, **gone)
    refresh(db, across_accounts=True)
    fill(db, 5, "BTC/USD", "buy", 1, 60)  # takes back what is as late
    refresh(db, across_accounts=True)
    known = everything(db)
    assert [row[:4] for row in known["cost_basis"]] == [("", "BTC", 5, 261)]
    assert known == from_nothing(db, across_accounts=True)


def test_what_was_there_before_the_history_is_an_opening_lot(db: DB) -> None:
    price(db, "BTC", 70)
    fill(db, 2, "BTC/USD", "sell", 1, 100)
    balances(db, 3, {"BTC": 4, "USD": 100})
    refresh(db)
    assert lines(db, "BTC") == [("trade", 1, 100, 70, 30)]
    assert held(db) == {("a", "BTC"): (4, 280)}
    fill(db, 1, "BTC/USD", "buy", 2, 80)
    refresh(db)
    assert held(db) == {("a", "BTC"): (4, (3 - 1) * 70 + 80)}


def test_an_event_without_a_price_is_unpriced_and_counted(db: DB) -> None:
    booked(db, 1, "REWARD", "XYZ", 2)
    fill(db, 2, "XYZ/USD", "sell", 1, 30)
    figures = refresh(db)
    assert lines(db, "XYZ") == [("income", 0, None, None, None), ("trade", 1, 30, None, None)]
    assert (figures["unpriced lines"], figures["assets without a cost"]) == (2, 1)
    price(db, "XYZ", 5)
    assert refresh(db)["unpriced lines"] == 0
    assert lines(db, "XYZ") == [("income", 0, 10, 0, 10), ("trade", 1, 30, 5, 25)]


BTC, INVERSE = "BTC/USDT:USDT", "BTC/USD:BTC"


def test_a_position_realises_what_is_told_and_bears_its_fees_and_funding(db: DB) -> None:
    price(db, "USDT", 2)
    opened = fill(db, 1, BTC, "buy", 2, 200, fee=(1, "USDT"), realized=0)
    paid = funding(db, 2, BTC, -3)
    closed = fill(db, 3, BTC, "sell", 2, 260, fee=(1, "USDT"), realized=60, kind="liquidation")
    refresh(db)
    columns = "kind", "amount", "pnl", "opened_by", "closed_by"
    assert lines(db, BTC, *columns) == [
        ("fee", 0, -2, opened, opened),
        ("funding", 0, -6, opened, paid),
        ("liquidation", 2, 120, opened, closed),
        ("fee", 0, -2, "", closed),
    ]
    assert held(db)["a", "USDT"][0] == -1 - 3 + 60 - 1


def test_a_short_position_gains_when_the_price_falls_though_nobody_tells(db: DB) -> None:
    price(db, "USDT", 1)
    fill(db, 1, BTC, "sell", 1, 100)
    fill(db, 2, BTC, "sell", 1, 120)
    fill(db, 3, BTC, "buy", 2, 150)
    refresh(db)
    assert sum(pnl for (pnl,) in lines(db, BTC, "pnl")) == 70


def test_a_position_that_flips_is_closed_and_another_one_is_opened(db: DB) -> None:
    price(db, "USDT", 1)
    first = fill(db, 1, BTC, "buy", 2, 200)
    flip = fill(db, 2, BTC, "sell", 5, 600)
    last = fill(db, 3, BTC, "buy", 3, 330)
    refresh(db)
    assert lines(db, BTC, "amount", "pnl", "opened_by", "closed_by") == [
        (2, 40, first, flip),
        (-3, 30, flip, last),
    ]
    assert held(db)["a", BTC] == (0, 0)


def test_fills_that_add_to_a_position_belong_to_the_one_that_opened_it(db: DB) -> None:
    price(db, "USDT", 1)
    first = fill(db, 1, BTC, "buy", 1, 100)
    refresh(db)
    fill(db, 2, BTC, "buy", 1, 120)
    fill(db, 3, BTC, "sell", 2, 240)
    refresh(db)
    assert {opened for (opened,) in lines(db, BTC, "opened_by")} == {first}
    assert sum(pnl for (pnl,) in lines(db, BTC, "pnl")) == 20


def test_an_inverse_contract_gains_in_coins(db: DB) -> None:
    price(db, "BTC", 125)
    fill(db, 1, INVERSE, "buy", 100, 1)
    fill(db, 2, INVERSE, "sell", 100, "0.8")
    refresh(db)
    assert lines(db, INVERSE, "amount", "pnl") == [(100, 25)]


def test_an_option_costs_its_premium_and_settles_at_what_it_pays(db: DB) -> None:
    price(db, "USDT", 1)
    option = "BTC/USDT:USDT-261030-90000-C"
    fill(db, 1, option, "buy", 2, 50, fee=(1, "USDT"))
    fill(db, 2, option, "sell", 1, 40)
    fill(db, 3, option, "sell", 1, 0, kind="settlement")
    refresh(db)
    assert lines(db, option) == [
        ("trade", 1, 40, D("25.5"), D("14.5")),
        ("settlement", 1, 0, D("25.5"), D("-25.5")),
    ]


@pytest.mark.parametrize(("method", "cost"), [("fifo", 100), ("lifo", 300), ("average", 200)])
def test_a_late_sale_is_matched_before_the_later_ones(db: DB, method: str, cost: int) -> None:
    fill(db, 1, "BTC/USD", "buy", 1, 100)
    fill(db, 2, "BTC/USD", "buy", 1, 300)
    last = fill(db, 4, "BTC/USD", "sell", 1, 400)
    refresh(db, cost_basis=method)
    late = fill(db, 3, "BTC/USD", "sell", 1, 500)
    refresh(db, cost_basis=method)
    assert lines(db, "BTC", "line_id", "cost", "closed_by") == [
        (1, cost, late),
        (2, 400 - cost, last),
    ]
    assert held(db) == {("a", "BTC"): (0, 0)}


def test_a_sale_that_is_gone_gives_its_lot_back(db: DB) -> None:
    fill(db, 1, "BTC/USD", "buy", 2, 100)
    fill(db, 2, "BTC/USD", "sell", 1, 100, trade_id="gone")
    refresh(db)
    db.execute("DELETE FROM alphapulse.trades WHERE trade_id = 'gone'")
    refresh(db)
    assert lines(db, "BTC") == []
    assert rows(db, "SELECT remaining, remaining_cost FROM portfolio.lots") == [(2, 100)]
    assert held(db) == {("a", "BTC"): (2, 100)}


def test_a_second_refresh_without_news_matches_nothing(db: DB) -> None:
    price(db, "USDT", 1)
    fill(db, 1, "BTC/USDT", "buy", 2, 200)
    refresh(db)
    assert refresh(db)["legs"] == 0


def test_other_settings_make_everything_anew(db: DB) -> None:
    fill(db, 1, "BTC/USD", "buy", 1, 100)
    fill(db, 2, "BTC/USD", "buy", 1, 300)
    fill(db, 3, "BTC/USD", "sell", 1, 400)
    for method, cost in (("fifo", 100), ("lifo", 300), ("average", 200), ("fifo", 100)):
        refresh(db, cost_basis=method)
        assert lines(db, "BTC", "cost") == [(cost,)]
