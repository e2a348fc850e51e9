import signal
import subprocess
import sys

STOPPED = """
import select
import sys
from pathlib import Path
from alphapulse_pipeline.cli.processes import Children

children = Children(Path("."))
children.stop_on_signals()
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    stopped = children.stopping
sys.exit(not stopped)
"""


def test_any_number_of_signals_stops_it() -> None:
    """A second signal interrupts the handler of the first, wherever that is."""
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for _ in range(5000):
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
        process.communicate(b"\n", timeout=30)
        assert process.returncode == 0
