"""The spot account and the key (documentation: "Account information", "Get API Key Permission",
"Account info")."""

from exchange_simulator.binance.answers import Refused
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.layout import Layout
from exchange_simulator.markets import DAY
from exchange_simulator.money import ZERO
from exchange_simulator.records import LedgerEntry

RIGHTS = {"canTrade": True, "canDeposit": True, "canWithdraw": True}
"""Permissions of the account; those of the key are only in `api_restrictions`."""
_CREATED = 1_698_645_219_000
_ENDS = _CREATED + 90 * DAY


def account(call: Call) -> Result:
    """Every asset that was ever held, including zeros unless `omitZeroBalances` is set."""
    omit = call.text("omitZeroBalances").lower() == "true"
    ledger = call.world.account.books.ledger["spot"]
    last: LedgerEntry | None = ledger.latest(call.now)
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": "0.00100000",
            "taker": "0.00100000",
            "buyer": "0.00000000",
            "seller": "0.00000000",
        },
        **RIGHTS,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": last.happened_at if last else 0,
        "accountType": "SPOT",
        "balances": [
            {
                "asset": balance.asset,
                "free": eight(balance.free),
                "locked": eight(balance.used),
            }
            for balance in call.world.balances(call.now)
            if balance.wallet == "spot" and (balance.total or not omit)
        ]
        # not on the page: users see what is in a flexible product under a code of its own as well
        + [
            {"asset": f"LD{asset}", "free": eight(amount), "locked": eight(ZERO)}
            for asset, amount in call.world.saver.flexible(call.now).items()
        ],
        "permissions": ["SPOT"],
        "uid": call.key.uid,
    }


def info(call: Call) -> Result:
    layout = call.world.layout
    return {
        "vipLevel": 0,
        "isMarginEnabled": layout.portfolio_margin or "margin" in layout.wallets,
        "isFutureEnabled": layout.portfolio_margin or "usdm" in layout.wallets,
        "isOptionsEnabled": "option" in layout.wallets,
        "isPortfolioMarginRetailEnabled": layout.portfolio_margin,
    }


def require_opened(layout: Layout, path: str) -> None:
    """Raises Refused for a private endpoint of a wallet that the account never opened.

    Futures also refuse the keys of a Portfolio Margin account ("Get API Key Permission"). How
    options refuse is not documented: like futures.
    """
    if path.startswith("/fapi/") and "usdm" not in layout.wallets:
        raise Refused(-2015)
    if path.startswith("/dapi/") and "coinm" not in layout.wallets:
        raise Refused(-2015 if layout.portfolio_margin else -1109)
    # no page names the error of an account without Portfolio Margin: its keys lack the permission
    if path.startswith("/papi/") and not layout.portfolio_margin:
        raise Refused(-2015)
    if path.startswith("/eapi/") and "option" not in layout.wallets:
        raise Refused(-2015)
    margin = path.startswith("/sapi/v1/margin/") and not path.endswith("/allPairs")
    if margin and "margin" not in layout.wallets:
        raise Refused(-3003)


def api_restrictions(call: Call) -> Result:
    key = call.key
    bound = "*" not in key.ips
    # without an IP restriction the permission to trade expires, the key does not
    ends = {} if bound or not key.may_trade else {"tradingAuthorityExpirationTime": _ENDS}
    return {
        "ipRestrict": bound,
        "createTime": _CREATED,
        "enableReading": True,
        "enableWithdrawals": key.may_withdraw,
        "enableInternalTransfer": key.may_withdraw,
        "enableMargin": key.may_trade,
        "enableFutures": key.may_trade,
        "permitsUniversalTransfer": key.may_trade,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": True,
        "enableSpotAndMarginTrading": key.may_trade,
        "enablePortfolioMarginTrading": False,
        **ends,
    }
