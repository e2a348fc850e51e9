"""Directories for sockets that only their owner may enter.

Whoever reaches the code server's socket can start runs with settings of their own, and so read
every key in its environment.
"""

import os
import stat
from pathlib import Path

from alphapulse_pipeline.settings.errors import SettingsError

_LONGEST_SOCKET_PATH = 100
"""Bytes; the system's limit is 107 on Linux and 103 on macOS."""


def private_directory(path: Path) -> Path:
    """Create the directory, or check that it is ours alone. Its files' paths fit a socket's.

    Raises `SettingsError`.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise SettingsError(
            f"{path} is not a directory of this user, and its owner could read every API key",
            f"remove it: `rm -r {path}`",
        )
    if found.st_mode & 0o077:
        raise SettingsError(
            f"other users may enter {path}, and could read every API key",
            f"run `chmod 700 {path}`",
        )
    if len(os.fsencode(path / "socket")) > _LONGEST_SOCKET_PATH:
        raise SettingsError(
            f"the path of a socket in {path} is too long",
            "set ALPHAPULSE_HOME to a shorter path",
        )
    return path
