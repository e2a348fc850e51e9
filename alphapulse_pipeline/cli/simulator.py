"""`alphapulse simulator`: passes its arguments to the `exchange-simulator` command."""

import typer

from alphapulse_pipeline.settings.errors import SettingsError


def register(app: typer.Typer, summary: str) -> None:
    # options and --help are those of exchange-simulator
    app.command(
        help=summary,
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(simulator)


def simulator(context: typer.Context) -> int:
    try:
        from exchange_simulator.command import main
    except ModuleNotFoundError as error:
        if error.name != "exchange_simulator":
            raise
        raise SettingsError(
            "the simulator is not installed", "run `pip install exchange-simulator`"
        ) from None
    return main(context.args, name="alphapulse simulator")
