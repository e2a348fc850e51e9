"""`alphapulse circuit`: let an account that is left alone be tried again."""

from typing import Annotated

import typer

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.workspace import workspace
from alphapulse_pipeline.health import circuit
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.schema import require_current


def register(app: typer.Typer) -> None:
    circuits = typer.Typer(
        help="An account that only fails is left alone for a while.", no_args_is_help=True
    )
    circuits.command(
        help="Let schedules try accounts again at once.\n\nExample: alphapulse circuit reset bybit"
    )(reset)
    circuits.callback()(lambda: None)
    app.add_typer(circuits, name="circuit")


def reset(
    accounts: Annotated[list[str], typer.Argument(metavar="ACCOUNT...", help="Which ones.")],
    demo: Annotated[bool, typer.Option("--demo", help="In the demo's database.")] = False,
) -> int:
    with (
        workspace(demo=demo, migrate=False, simulate=False) as place,
        connect(place.url) as connection,
    ):
        require_current(connection)
        for account in place.chosen(accounts):
            if circuit.reset(connection, account.name):
                output.note(f"{account.name}: the next tick of its schedules tries again")
            else:
                output.note(f"{account.name} was not left alone: its circuit is closed")
    return 0
