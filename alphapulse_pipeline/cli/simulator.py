"""`alphapulse simulator`: the local exchanges by themselves."""

from typing import Annotated

import typer

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.settings.environment import SettingsError


def register(app: typer.Typer) -> None:
    app.command(
        help="Run local exchanges that speak the real protocols.\n\n"
        "Example: alphapulse simulator --port 8900 --fault html:/v5/execution/list"
    )(simulator)


def simulator(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free port.")
    ] = 8900,
    seed: Annotated[int, typer.Option(help="Another seed is another account.")] = 7,
    fault: Annotated[
        list[str] | None, typer.Option(help="What goes wrong, e.g. status=503; may be repeated.")
    ] = None,
) -> int:
    from alphapulse_pipeline.simulator import DEMO_KEY, DEMO_SECRET, Simulator, World, run

    def told(running: Simulator) -> None:
        output.stdout.print(running.url)
        output.note(
            "point an account at it, e.g. for the account bybit:\n"
            f"  export BYBIT_API_URL={running.url}"
            f" BYBIT_API_KEY={DEMO_KEY} BYBIT_API_SECRET={DEMO_SECRET}\n"
            f"what an account must have understood: {running.url}/__truth\n"
            "Ctrl-C stops it"
        )

    try:
        run(World(seed=seed), port=port, faults=fault or (), on_start=told)
    except (ValueError, OSError) as error:
        raise SettingsError(f"the simulator does not start: {error}") from None
    return 0
