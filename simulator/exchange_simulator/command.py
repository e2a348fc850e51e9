"""The `exchange-simulator` command; `alphapulse simulator` runs the same function."""

import signal
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from exchange_simulator.exchanges import EXCHANGES
from exchange_simulator.keys import DEMO_KEY, DEMO_PASSPHRASE, DEMO_SECRET
from exchange_simulator.server import Simulator, run
from exchange_simulator.world import World

_FAULT = """A fault to inject: kind[=value][:/path][*times]\\[@when]. May be repeated.

Kinds: clock=MS, delay=SECONDS, refuse, reset[=headers|body], hang[=headers|body], close-body,
cut-body, bad-gzip, html, empty-body, status=CODE, retcode=CODE, throttled[=SECONDS],
banned=SECONDS, busy, maintenance, key=ip|expired|PERMISSION, empty, doubled, shuffled, previous,
missing=FIELD, nulled=FIELD, renamed=FIELD, retyped=FIELD, repeated=FIELD, negated=FIELD,
poison=ROW/FIELD=POISON, reversed, page=N, exclusive-end, no-window, short-window=DAYS,
short-retention=DAYS; `--fault help` describes each.

`:/path` limits the fault to requests whose path starts with /path; `*3` injects it at most three
times; `@20%` into 20% of the requests, `@10-20` into the 10th to the 20th, `@30s-60s` into those
between 30 and 60 seconds after the faults were set.

GET /__faults lists the faults and how often each has fired; POST /__faults replaces them."""


def help_of(name: str) -> str:
    """The help of the command when it is called `name`."""
    return (
        "Serve the APIs of Bybit, Binance, OKX and Kraken on localhost for a simulated account.\n\n"
        f"Example: {name} --port 8900 --fault html:/v5/execution/list@20%"
    )


def simulator(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")
    ] = 8900,
    seed: Annotated[int, typer.Option(help="Random seed from which the account is generated.")] = 7,
    fault: Annotated[list[str] | None, typer.Option(help=_FAULT)] = None,
) -> int:
    """Serve the APIs of Bybit, Binance, OKX and Kraken on localhost."""
    try:
        run(World(seed=seed), port=port, faults=fault or (), on_start=_announce)
    except (ValueError, OSError) as error:
        typer.echo(f"error: the simulator could not start: {error}", err=True)
        return 2
    return 0


def main(arguments: Sequence[str] | None = None, *, name: str = "exchange-simulator") -> int:
    """Run the command and return its exit code. `arguments` default to the process's own."""
    app = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command(help=help_of(name))(simulator)
    signal.signal(signal.SIGTERM, _stop)
    try:
        return int(app(arguments, prog_name=name, standalone_mode=False) or 0)
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except typer.Exit as stop:
        return stop.exit_code
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        typer.echo(f"error: {error.format_message()}", err=True)  # usage error
        return 2


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _announce(running: Simulator) -> None:
    exports = "\n".join(
        f"  export {_variables(name, running.url, passphrase=exchange.passphrase)}"
        for name, exchange in sorted(EXCHANGES.items())
    )
    typer.echo(running.url)
    typer.echo(
        "Environment variables for AlphaPulse accounts named after their exchanges:\n"
        f"{exports}\n"
        "What a client must have read: "
        f"{running.url}/__truth?exchange={'|'.join(sorted(EXCHANGES))}\n"
        f"Faults: curl {running.url}/__faults lists them, --json '[\"html@20%\"]' replaces them\n"
        "Press Ctrl-C to stop",
        err=True,
    )


def _variables(account: str, url: str, *, passphrase: bool) -> str:
    values = {"API_URL": url, "API_KEY": DEMO_KEY, "API_SECRET": DEMO_SECRET}
    if passphrase:
        values["API_PASSWORD"] = DEMO_PASSPHRASE
    return " ".join(f"{account.upper()}_{name}={value}" for name, value in values.items())
