"""`alphapulse circuit`: close an account's circuit breaker."""

from typing import Annotated

import typer

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.workspace import workspace
from alphapulse_pipeline.health import circuit
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.schema import require_current


def register(app: typer.Typer, summary: str) -> None:
    circuits = typer.Typer(help=summary, no_args_is_help=True)
    circuits.command(
        help="Close the circuit breaker for the given accounts, so that scheduled syncs resume.\n\n"
        "Example: alphapulse circuit reset bybit"
    )(reset)
    circuits.callback()(lambda: None)
    app.add_typer(circuits, name="circuit")


def reset(
    accounts: Annotated[list[str], typer.Argument(metavar="ACCOUNT", help="Account names.")],
    demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database.")] = False,
) -> int:
    with (
        workspace(demo=demo, migrate=False, simulate=False) as place,
        connect(place.url) as connection,
    ):
        require_current(connection)
        for account in place.chosen(accounts):
            if circuit.reset(connection, account.name):
                output.note(f"{account.name}: circuit closed; schedules sync it at the next tick")
            else:
                output.note(f"{account.name}: the circuit was already closed")
    return 0
