"""`alphapulse doctor`: why an account does not work, and how to fix it."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.workspace import (
    database,
    no_credentials,
    require_known,
    require_simulator,
    simulable,
    simulated,
)
from alphapulse_pipeline.health.doctor.account import examine_account
from alphapulse_pipeline.health.doctor.database import CHECKS, Server
from alphapulse_pipeline.health.doctor.result import Result, Status, examine, failed, result
from alphapulse_pipeline.health.probe.account import Probe
from alphapulse_pipeline.health.probe.finding import Finding, Verdict
from alphapulse_pipeline.settings import environment
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.settings.errors import SettingsError, UserError
from alphapulse_pipeline.settings.redaction import redact
from alphapulse_pipeline.sync.deployment import usable_deployment
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.schema import Revision, migrate, revision

_DETAILS = (
    "Prints one line for each check, with the fix for every problem. Makes one call to each "
    "exchange endpoint that a sync uses, and stores nothing. Exit code 1 if a check fails.\n\n"
    "With --probe, it instead tests what a sync assumes about the exchange's API: page limits, "
    "ids, retention, the order of rows, and whether time windows include their end points. It "
    "sends 20 to 200 read-only requests, and writes a file that you can attach to a bug report; it "
    "contains no keys, ids, addresses or amounts. Exit code 1 if an assumption does not hold.\n\n"
    "Example: alphapulse doctor bybit"
)
_COLOURS = {
    Status.OK: "green",
    Status.WARNING: "bold yellow",
    Status.FAILED: "bold red",
    Status.SKIPPED: "dim",
    Status.UNKNOWN: "dim",
}
_VERDICTS = {
    Verdict.HELD: "green",
    Verdict.CONTRADICTED: "bold red",
    Verdict.NOT_TESTABLE: "dim",
}


def register(app: typer.Typer, summary: str) -> None:
    app.command(help=f"{summary}\n\n{_DETAILS}")(doctor)


def doctor(
    accounts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ACCOUNT", help="Account names. Default: all. With --probe, exactly one."
        ),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Check the demo account on the simulator.")
    ] = False,
    probe: Annotated[
        bool,
        typer.Option("--probe", help="Test the exchange's API on one account, and write a report."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> int:
    names = accounts or []
    if probe:
        return _probe(names, demo=demo, as_json=as_json)
    found: list[Result] = []
    for line in _examined(names, demo=demo):
        found.append(line)
        if not as_json and line.status is not Status.SKIPPED:
            _print(line)
    if not as_json:
        _print_skipped(found)
    ok = all(line.status is not Status.FAILED for line in found)
    if as_json:
        output.print_json({"ok": ok, "results": [asdict(line) for line in found]})
    else:
        _sum_up(found)
    return 0 if ok else 1


def _examined(names: Sequence[str], *, demo: bool) -> Iterator[Result]:
    accounts, unread = _read(names)
    # a named account is never replaced by a simulated one
    demo = demo or (not names and not unread and no_credentials(accounts, ()))
    if demo:
        require_simulator(accounts)
        accounts = simulable(accounts)
    home = environment.home()
    with ExitStack() as stack:
        server = _server(stack, home, demo=demo)
        connection = server.connection
        tables = connection is not None and revision(connection) is Revision.CURRENT
        if demo:
            stack.enter_context(simulated(accounts))
        yield from unread
        for account in accounts:
            yield from examine_account(account, connection, tables=tables)
        yield from examine("", CHECKS, server)
        # imports Dagster, which takes seconds: after the other checks
        from alphapulse_pipeline.cli.dagster_health import examine_dagster

        yield from examine_dagster(server, home, tables=tables)


def _probe(names: Sequence[str], *, demo: bool, as_json: bool) -> int:
    accounts, unread = _read(names)
    if unread:
        raise SettingsError(unread[0].message, unread[0].fix)
    demo = demo or (not names and no_credentials(accounts, ()))
    if len(accounts) != 1:
        raise SettingsError("--probe tests one account", "run `alphapulse doctor ACCOUNT --probe`")
    if demo:
        require_simulator(accounts)
        accounts = simulable(accounts)
    with ExitStack() as stack:
        connection = _server(stack, environment.home(), demo=demo).connection
        tables = connection is not None and revision(connection) is Revision.CURRENT
        if demo:
            stack.enter_context(simulated(accounts))
        probe = Probe(accounts[0], connection, tables)
        for finding in probe.run():
            if not as_json:
                _print_finding(finding)
    path = _write(probe)
    if as_json:
        findings = [asdict(finding) for finding in probe.findings]
        ok = not probe.contradicted
        output.print_json({"ok": ok, "file": str(path), "findings": findings})
    else:
        counts = Counter(finding.verdict for finding in probe.findings)
        found = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
        output.note(f"{found}; {probe.requests} requests")
        output.line(str(path))
        output.note(
            "it describes the form of the exchange's answers, without keys, ids, addresses, names "
            "and amounts: look at it, then attach it to a bug report"
        )
    return 1 if probe.contradicted else 0


def _print_finding(finding: Finding) -> None:
    from rich.text import Text

    output.stdout().print(
        Text.assemble(
            (f"{finding.verdict:12}", _VERDICTS[finding.verdict]),
            f" {finding.source:25} {finding.assumption}: {finding.evidence}",
            f" ({finding.endpoint})" if finding.verdict is Verdict.CONTRADICTED else "",
            f": {finding.detail}" if finding.detail else "",
        )
    )


def _write(probe: Probe) -> Path:
    """Write the report into the current directory."""
    exchange = probe.account.settings.exchange
    path = Path.cwd() / f"alphapulse-probe-{exchange}-{datetime.now(UTC):%Y-%m-%d}.json"
    try:
        path.write_text(redact(json.dumps(probe.report(), indent=1)) + "\n")
    except OSError as error:
        raise SettingsError(
            f"cannot write {path}: {error.strerror}", "run it in a directory that you can write to"
        ) from None
    return path


def _read(names: Sequence[str]) -> tuple[list[Account], list[Result]]:
    """The accounts with these names (default: all), and the mistakes in files."""
    found = usable_deployment()
    require_known(names, [*(account.name for account in found.accounts), *found.broken])
    unread = [
        result(name, "settings", failed(error.problem, error.fix))
        for name, error in found.broken.items()
        if not names or name in names
    ]
    return [a for a in found.accounts if not names or a.name in names], unread


def _server(stack: ExitStack, home: Path, *, demo: bool) -> Server:
    """The database, or why it is not available. Only the demo's tables are created."""
    data = None if os.environ.get(POSTGRES_URL) else home / "postgres"
    try:
        url = stack.enter_context(database(home, demo=demo))
        if demo:
            migrate(url)
        return Server(url, stack.enter_context(connect(url)), None, data)
    except UserError as error:
        return Server("", None, error, data)


def _print(line: Result) -> None:
    from rich.text import Text

    output.stdout().print(
        Text.assemble(
            (f"{line.status:8}", _COLOURS[line.status]),
            f" {line.account or 'all':12} {line.check:13} {line.message}",
            (f" -> {line.fix}" if line.fix else "", "bold"),
        )
    )


def _print_skipped(lines: Sequence[Result]) -> None:
    """One line for all checks of an account that were skipped for the same reason."""
    skipped: dict[tuple[str, str, str], list[str]] = {}
    for line in lines:
        if line.status is Status.SKIPPED:
            skipped.setdefault((line.account, line.message, line.fix), []).append(line.check)
    for (account, message, fix), checks in skipped.items():
        _print(Result(account, ", ".join(checks), Status.SKIPPED, message, fix))


def _sum_up(lines: Sequence[Result]) -> None:
    numbers = Counter(line.status for line in lines)
    counts = [f"{numbers[status]} {status}" for status in Status if numbers[status]]
    output.note(", ".join(counts))
