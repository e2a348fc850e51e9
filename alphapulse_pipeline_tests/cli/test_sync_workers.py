"""The processes of `alphapulse sync`."""

from pathlib import Path

from alphapulse_pipeline.cli.sync_workers import workers


def test_the_process_after_one_that_died_has_a_log_of_its_own(tmp_path: Path) -> None:
    with workers(tmp_path, 1) as pool:
        dead = pool._start()
        dead.process.kill()
        pool._processes.remove(dead)
        next_one = pool._start()
        next_one.process.kill()
        dead.process.wait()
        assert next_one.log != dead.log
