"""`alphapulse simulator`: the `exchange-simulator` command, where it is installed."""

import typer

from alphapulse_pipeline.settings.errors import SettingsError


def register(app: typer.Typer) -> None:
    # Options and --help are the other command's own.
    app.command(
        help="Run local exchanges that speak the real protocols.",
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(simulator)


def simulator(context: typer.Context) -> int:
    try:
        from exchange_simulator.command import main
    except ModuleNotFoundError:  # a production install
        raise SettingsError(
            "the simulator is not installed: run `uv sync`, or `pip install exchange-simulator`"
        ) from None
    return main(context.args, name="alphapulse simulator")
