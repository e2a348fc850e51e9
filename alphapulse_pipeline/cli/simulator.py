"""`alphapulse simulator`: the local exchanges by themselves."""

from typing import Annotated

import typer

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.settings.environment import SettingsError

_FAULT = """What goes wrong: kind[=value][:/path][*times]\\[@when]; may be repeated.

Kinds: clock=MS, delay=SECONDS, refuse, reset[=headers|body], hang[=headers|body], close-body,
cut-body, bad-gzip, html, empty-body, status=CODE, retcode=CODE, throttled[=SECONDS],
banned=SECONDS, busy, maintenance, key=ip|expired|PERMISSION, empty, doubled, shuffled, previous,
missing=FIELD, nulled=FIELD, renamed=FIELD, retyped=FIELD; `--fault help` says what each does.

When: @20% of the requests, @10-20 for the 10th to the 20th of them, @30s-60s for a time.

GET /__faults tells them all and how often each struck, POST /__faults replaces them."""


def register(app: typer.Typer) -> None:
    app.command(
        help="Run local exchanges that speak the real protocols.\n\n"
        "Example: alphapulse simulator --port 8900 --fault html:/v5/execution/list@20%"
    )(simulator)


def simulator(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free port.")
    ] = 8900,
    seed: Annotated[int, typer.Option(help="Another seed is another account.")] = 7,
    fault: Annotated[list[str] | None, typer.Option(help=_FAULT)] = None,
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
            f"what goes wrong: curl {running.url}/__faults, or -d 'html@20%' to change it\n"
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
