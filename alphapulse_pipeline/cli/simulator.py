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
    from alphapulse_pipeline.simulator import FACES, Simulator, World, run

    def told(running: Simulator) -> None:
        output.stdout.print(running.url)
        exports = "\n".join(
            f"  export {_variables(name, running.url, passphrase=face.passphrase)}"
            for name, face in sorted(FACES.items())
        )
        output.note(
            "it has one account on each of these exchanges; point yours at it, here those that are"
            f" called like the exchange:\n{exports}\n"
            f"what an account must have understood: {running.url}/__truth?exchange="
            f"{'|'.join(sorted(FACES))}\n"
            "Ctrl-C stops it"
        )

    try:
        run(World(seed=seed), port=port, faults=fault or (), on_start=told)
    except (ValueError, OSError) as error:
        raise SettingsError(f"the simulator does not start: {error}") from None
    return 0


def _variables(account: str, url: str, *, passphrase: bool) -> str:
    from alphapulse_pipeline.simulator import DEMO_KEY, DEMO_PASSPHRASE, DEMO_SECRET

    values = {"API_URL": url, "API_KEY": DEMO_KEY, "API_SECRET": DEMO_SECRET}
    if passphrase:
        values["API_PASSWORD"] = DEMO_PASSPHRASE
    return " ".join(f"{account.upper()}_{name}={value}" for name, value in values.items())
