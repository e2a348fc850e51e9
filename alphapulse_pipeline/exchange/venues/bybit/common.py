"""Pages, windows and scopes shared by Bybit's datasets."""

from datetime import timedelta

from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.feed import at, between
from alphapulse_pipeline.exchange.walker import Cursor

UNIFIED = "unified"
FUNDING = "funding"
EARN = "earn"
WALLETS = {
    "UNIFIED": UNIFIED,
    "FUND": FUNDING,
    # of classic accounts
    "SPOT": "spot",
    "CONTRACT": "contract",
    "OPTION": "option",
    "INVESTMENT": "investment",
}
"""accountType -> wallet."""

BETWEEN_ACCOUNTS = ("sent to other accounts", "received from other accounts")
"""Streams of transfers between accounts of the same owner."""

WEBSITE_CONVERSIONS = ("website unified", "website funding")
CONVERSIONS = ("convert", "dust", *WEBSITE_CONVERSIONS)
"""Streams of conversions."""

CATEGORIES = ("spot", "linear", "inverse", "option")
OPTION_COINS = ("ETH", "SOL", "XRP", "MNT", "DOGE")
"""Base coins of options besides BTC. No page lists them; they are those of ccxt's markets."""

NEWEST_FIRST = Cursor(
    "cursor", lambda answer, _: at("result", "nextPageCursor")(answer), disorder=1_000
)
IN_ANY_ORDER = Cursor("cursor", NEWEST_FIRST.next, ordered=False)
"""For lists whose order no page states: only the last page of a window proves anything."""
LIST = at("result", "list")
WINDOW = between("startTime", "endTime")

TWO_YEARS = timedelta(days=730)
WEEK = timedelta(days=7)
MONTH = timedelta(days=30)


def page(path: str, dated: str, limit: int, default_limit: int, **more: object) -> Documented:
    """A page of Bybit's documentation; its date is that of its last change."""
    return Documented(
        page=f"bybit-exchange.github.io/docs/v5/{path}",
        dated=dated,
        limit=limit,
        default_limit=default_limit,
        **more,  # type: ignore[arg-type]
    )


def scopes(category: str) -> dict[str, dict[str, str]]:
    """Stream -> parameters, for all rows of a category.

    "Get Trade History" (2026-03-16): for options, `baseCoin` is BTC by default. The other pages do
    not say, so all are requested both without a coin and by coin.
    """
    coins = OPTION_COINS if category == "option" else ()
    return {
        category: {"category": category},
        **{f"{category} {coin}": {"category": category, "baseCoin": coin} for coin in coins},
    }
