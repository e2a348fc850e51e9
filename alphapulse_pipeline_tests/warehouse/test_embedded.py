"""The embedded server against everything that happens to a server on a laptop: kill -9, Ctrl-C,
reused process ids, half a database, root. All on real servers; as root and as anybody else."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import sqlalchemy

from alphapulse_pipeline.warehouse.embedded import (
    MAX_LOG_BYTES,
    EmbeddedServer,
    EmbeddedServerError,
    embedded_server,
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about root")

# Uses the server until its standard input ends.
USER = """
import sys
from pathlib import Path
from alphapulse_pipeline.warehouse.embedded import embedded_server
with embedded_server(Path(sys.argv[1])):
    print("up", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def new_home() -> Iterator[Path]:
    """A home that is not there yet, below a directory closed to others. (pytest's own temporary
    directories have too long names for a socket on macOS.)"""
    closed = Path(tempfile.mkdtemp(prefix="ap-", dir="/tmp"))
    yield closed / "my home"
    kill_what_is_left(closed / "my home")
    shutil.rmtree(closed)


@pytest.fixture(scope="module")
def used_home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="ap-", dir="/tmp"))
    with embedded_server(home):
        pass
    yield home
    shutil.rmtree(home)


@pytest.fixture
def home(used_home: Path) -> Iterator[Path]:
    """A home that has been used before, and is not in use."""
    yield used_home
    kill_what_is_left(used_home)


def kill_what_is_left(home: Path) -> None:
    """A test that failed may leave a server, and the next test is to begin without."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, psutil.NoSuchProcess):
        postmaster(home).kill()


def postmaster(home: Path) -> psutil.Process:
    """The server's first process, as it says itself."""
    return psutil.Process(
        int((home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
    )


def alive(process: psutil.Process) -> bool:
    """Ended and not yet waited for by the system's first process is ended."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def query(server: EmbeddedServer, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else []


def eventually(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.002)


def begin_using(home: Path) -> subprocess.Popen[str]:
    """Another process that will use the server, the leader of a process group."""
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@contextlib.contextmanager
def another_user(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that uses the server, and leaves at the end if it has not already."""
    with begin_using(home) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n", process.communicate()
        yield process
        process.communicate(timeout=60)


def test_a_server_is_private_durable_and_gone_when_nobody_uses_it(
    new_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("BYBIT_API_SECRET", "a secret")
    with embedded_server(new_home) as server:
        process = postmaster(new_home)
        rows = query(
            server,
            """select name, setting from pg_settings where name in ('listen_addresses', 'fsync',
            'synchronous_commit', 'max_connections', 'data_checksums', 'TimeZone',
            'unix_socket_permissions', 'server_encoding', 'port', 'shared_buffers')""",
        )
        assert sorted(rows) == sorted(
            {
                "listen_addresses": "",
                "port": "5432",
                "shared_buffers": "16384",  # pages of 8 kB
                "fsync": "on",
                "synchronous_commit": "on",
                "max_connections": "200",
                "data_checksums": "on",
                "TimeZone": "UTC",
                "unix_socket_permissions": "0700",
                "server_encoding": "UTF8",
            }.items()
        )
        assert query(server, "select upper('ß€é')") == [("ß€É",)]
        assert query(
            server, "select distinct type from pg_hba_file_rules where auth_method = 'trust'"
        ) == [("local",)]
        assert "a secret" not in process.environ().values()
        query(server, "create table fill as select 1.5 as amount")
    assert not alive(process)
    with embedded_server(new_home) as server:
        assert postmaster(new_home).pid != process.pid
        assert str(query(server, "select amount from fill")[0][0]) == "1.5"
        engine = sqlalchemy.create_engine(server.url("postgres"))  # psycopg2
        with engine.connect() as connection:
            assert connection.scalar(sqlalchemy.text("select current_user")) == "postgres"
        engine.dispose()


@pytest.fixture
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.parametrize("umask", [0o000, 0o077], indirect=True)
def test_what_is_made_is_closed_whatever_the_umask(umask: None, new_home: Path) -> None:
    home = new_home / "a" / "b"
    with embedded_server(home) as server:
        for path in (home, home.parent, new_home):
            assert path.stat().st_mode & 0o777 == (0o711 if os.geteuid() == 0 else 0o700), path
        for path in (server.socket_dir, home / "postgres", home / "postgres" / "data"):
            assert path.stat().st_mode & 0o777 == 0o700, path


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077], indirect=True)
def test_closed_directories_stay_closed(umask: None, new_home: Path) -> None:
    new_home.mkdir()
    new_home.chmod(0o700)
    before = {path: path.stat().st_mode for path in [new_home, *new_home.parents]}
    with embedded_server(new_home) as server:
        assert {path: path.stat().st_mode for path in before} == before
        for directory in (
            server.socket_dir,
            server.socket_dir.parent,
            new_home / "postgres" / "data",
        ):
            assert directory.stat().st_mode & 0o777 == 0o700, directory


def test_contexts_nest_and_threads_share(home: Path) -> None:
    failures: list[Exception] = []

    def use() -> None:
        try:
            for _ in range(3):
                with embedded_server(home) as server:
                    query(server, "select 1")
        except Exception as error:  # noqa: BLE001 - raised by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with embedded_server(home) as outer:
        process = postmaster(home)
        with embedded_server(home) as inner:
            assert inner == outer
        assert query(outer, "select 1") == [(1,)]
        assert postmaster(home) == process
    assert not alive(process)


def test_the_last_of_several_processes_stops_the_server(home: Path) -> None:
    with another_user(home) as first, embedded_server(home) as server:
        process = postmaster(home)
        first.communicate(timeout=60)  # who started it leaves
        assert first.returncode == 0
        assert query(server, "select 1") == [(1,)]
        with another_user(home):
            pass
        assert postmaster(home) == process
    assert not alive(process)


def test_after_kill_9_of_its_owner_the_next_user_takes_the_server_over(home: Path) -> None:
    with another_user(home) as owner:
        process = postmaster(home)
        owner.kill()
    assert alive(process)
    with embedded_server(home) as server:
        assert postmaster(home) == process
        query(server, "select 1")
    assert not alive(process)


def test_after_kill_9_of_the_server_what_was_committed_is_there(home: Path) -> None:
    with another_user(home), embedded_server(home) as server:
        query(server, "create table fill as select generate_series(1, 100000) as trade_id")
        process = postmaster(home)
        process.kill()
        with embedded_server(home):  # for both who were left without a server
            assert postmaster(home) != process
            assert query(server, "select count(*) from fill") == [(100000,)]
        process = postmaster(home)
        process.kill()
    with embedded_server(home) as server:
        assert query(server, "select count(*) from fill") == [(100000,)]


def test_a_process_id_that_is_anothers_now_is_no_server(home: Path) -> None:
    pid_file = home / "postgres" / "data" / "postmaster.pid"
    socket_lock = home / "postgres" / "socket" / ".s.PGSQL.5432.lock"
    with embedded_server(home):
        left = {path: path.read_text().splitlines() for path in (pid_file, socket_lock)}
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        for path, lines in left.items():
            path.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        with embedded_server(home) as server:
            assert query(server, "select 1") == [(1,)]
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("killed", ["the owner", "the owner and initdb"])
def test_half_a_database_is_not_mistaken_for_one(new_home: Path, killed: str) -> None:
    with begin_using(new_home) as owner:
        eventually((new_home / "postgres" / "data.new" / "PG_VERSION").exists)
        doomed = [psutil.Process(owner.pid)]
        if killed == "the owner and initdb":
            doomed += doomed[0].children(recursive=True)
            assert len(doomed) > 1
        for process in doomed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    assert not (new_home / "postgres" / "data").exists()
    with embedded_server(new_home) as server:
        assert query(server, "select count(*) from pg_database") == [(3,)]
    assert not (new_home / "postgres" / "data.new").exists()


def test_ctrl_c_of_one_user_does_not_reach_the_server_of_another(home: Path) -> None:
    with another_user(home) as first, embedded_server(home) as server:
        process = postmaster(home)
        with psycopg.connect(server.url("postgres")) as connection:
            os.killpg(first.pid, signal.SIGINT)  # as a terminal does, to the whole group
            assert "KeyboardInterrupt" in first.communicate(timeout=60)[1]
            assert connection.execute("select 1").fetchone() == (1,)
        assert postmaster(home) == process
    assert not alive(process)


def test_ctrl_c_during_initdb_leaves_nothing_in_the_way(new_home: Path) -> None:
    with begin_using(new_home) as owner:
        eventually((new_home / "postgres" / "data.new" / "PG_VERSION").exists)
        os.killpg(owner.pid, signal.SIGINT)
        assert "KeyboardInterrupt" in owner.communicate(timeout=60)[1]
    assert not (new_home / "postgres" / "data").exists()
    with embedded_server(new_home) as server:
        assert query(server, "select 1") == [(1,)]


def test_ctrl_c_during_the_start_leaves_no_server(home: Path) -> None:
    with begin_using(home) as owner:
        pid_file = home / "postgres" / "data" / "postmaster.pid"
        eventually(lambda: pid_file.exists() and "\n" in pid_file.read_text())
        process = postmaster(home)
        process.suspend()  # so that it is not up before the signal arrives
        os.killpg(owner.pid, signal.SIGINT)
        process.resume()
        assert "KeyboardInterrupt" in owner.communicate(timeout=60)[1]
    assert not alive(process)


def test_a_path_too_long_for_a_socket_is_refused(new_home: Path) -> None:
    long = new_home / ("x" * 90)
    with pytest.raises(EmbeddedServerError, match="set ALPHAPULSE_HOME to a shorter path"):
        embedded_server(long).__enter__()
    assert not new_home.exists()


def test_an_open_socket_directory_is_refused(new_home: Path) -> None:
    (new_home / "postgres" / "socket").mkdir(parents=True)
    (new_home / "postgres" / "socket").chmod(0o755)
    with pytest.raises(EmbeddedServerError, match="chmod 700"):
        embedded_server(new_home).__enter__()
    assert (new_home / "postgres" / "socket").stat().st_mode & 0o777 == 0o755


@as_root
@pytest.mark.parametrize("linked", [False, True])
def test_a_socket_directory_of_a_different_user_is_refused(linked: bool, new_home: Path) -> None:
    socket_dir = new_home / "postgres" / "socket"
    socket_dir.parent.mkdir(parents=True, mode=0o711)
    theirs = socket_dir.with_name("theirs") if linked else socket_dir
    theirs.mkdir(mode=0o700)
    os.chown(theirs, pwd.getpwnam("nobody").pw_uid, -1)
    if linked:
        socket_dir.symlink_to(theirs)
    with pytest.raises(EmbeddedServerError, match="belongs to the user nobody") as refused:
        embedded_server(new_home).__enter__()
    assert f"chown -R root: {new_home / 'postgres'}" in refused.value.fix
    assert theirs.stat().st_uid == pwd.getpwnam("nobody").pw_uid


def test_a_home_that_cannot_be_made_is_refused(new_home: Path) -> None:
    new_home.write_text("a file")
    with pytest.raises(EmbeddedServerError, match="set ALPHAPULSE_HOME to a writable directory"):
        embedded_server(new_home).__enter__()


def test_the_error_says_why_the_server_did_not_start(new_home: Path) -> None:
    with embedded_server(new_home):
        pass
    data = new_home / "postgres" / "data"
    with (data / "postgresql.conf").open("a") as conf:
        conf.write("max_connections = many\n")
    with pytest.raises(EmbeddedServerError) as caught:
        embedded_server(new_home).__enter__()
    assert 'invalid value for parameter "max_connections": "many"' in caught.value.problem
    assert caught.value.fix.endswith("to a PostgreSQL server that you already have")

    (data / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedServerError, match="needs 17; install the version of the package"):
        embedded_server(new_home).__enter__()


def test_a_log_that_has_grown_is_put_aside(home: Path) -> None:
    log = home / "postgres" / "server.log"
    log.write_bytes(b"\n" * (MAX_LOG_BYTES + 1))
    with embedded_server(home):
        assert log.stat().st_size < 10_000


@as_root
def test_root_without_namespaces_has_another_user_run_the_server(
    new_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")  # no unshare
    before = new_home.parent.stat().st_mode
    with pytest.raises(EmbeddedServerError, match="set ALPHAPULSE_HOME to a directory that this"):
        embedded_server(new_home).__enter__()
    assert new_home.parent.stat().st_mode == before
    assert (new_home / "postgres").stat().st_uid == 0  # not yet another user's for good

    new_home.parent.chmod(0o711)
    try:
        with embedded_server(new_home) as server:
            uid = postmaster(new_home).uids().real
            assert uid != 0
            query(server, "create table fill as select 1 as trade_id")
    except EmbeddedServerError as error:
        pytest.skip(f"this Python environment is root's own: {error}")
    monkeypatch.undo()
    with embedded_server(new_home) as server:  # with namespaces its data still belong to that user
        assert postmaster(new_home).uids().real == uid
        assert query(server, "select trade_id from fill") == [(1,)]
        assert server.socket_dir.stat().st_mode & 0o777 == 0o700


@as_root
@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare")
def test_roots_server_has_none_of_roots_powers(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded_server(home):
        status = Path(f"/proc/{postmaster(home).pid}/status").read_text()
        assert "CapEff:\t0000000000000000" in status
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EmbeddedServerError, match="chown -R"):  # its data are root's
        embedded_server(home).__enter__()
