"""What a killed PostgreSQL leaves behind: its lock file, and perhaps its last moments.

The caller holds the directory (one `up` at a time), so a postmaster that still runs on it is an orphan of an earlier,
killed parent and is about to end; a process that merely got the same number is not ours and is left alone.
"""

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from bureau.embedded.errors import DataDirectoryInUseError

__all__ = ["clear_stale_lock"]

_PATIENCE_SECONDS = 5.0


def clear_stale_lock(data: Path) -> None:
    """Remove the lock file of a postmaster that is gone, after giving one that is ending a few seconds.

    Raises DataDirectoryInUseError when a living postmaster keeps the directory.
    """
    lock = data / "postmaster.pid"
    owner = _read_owner(lock)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while owner is not None and _is_postmaster_of(owner, data):
        if time.monotonic() > deadline:
            message = f"another PostgreSQL (process {owner}) uses {data}: stop it with `kill -INT {owner}`"
            raise DataDirectoryInUseError(message)
        time.sleep(0.02)
    if owner is not None:
        lock.unlink(missing_ok=True)


def _read_owner(lock: Path) -> int | None:
    try:
        first_line = lock.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    except FileNotFoundError:
        return None
    return int(first_line) if first_line.strip().isdigit() else 0


def _is_postmaster_of(process: int, data: Path) -> bool:
    if process <= 1 or not _is_alive(process):
        return False
    command = _command_line(process)
    return "postgres" in command and str(data) in command


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _command_line(process: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    result = subprocess.run(("ps", "-o", "command=", "-p", str(process)), capture_output=True, check=False)  # noqa: S607 - ps is where PATH says on every Unix
    return result.stdout.decode(errors="replace")
