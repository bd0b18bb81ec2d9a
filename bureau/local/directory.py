"""The directory of a local service (`./.bureau/`): its data, its secrets, and who holds it.

    lock          held by the running `up` (an advisory lock that ends with the process)
    secret_key    signs lease tokens and cursors; made at the first start
    api_key       the bootstrap API key; made at the first start
    runtime.json  addresses of the running processes and servers, for `bureau status`
    postgres/, valkey/   the embedded servers' homes

The directory is 0700 and every file in it 0600.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bureau.embedded.credentials import load_or_make_secret
from bureau.embedded.errors import DataDirectoryInUseError, PermissionRefusedError
from bureau.embedded.identity import IdentityKind, choose_identity
from infrastructure.api_keys import new_api_key
from infrastructure.identifiers import new_secret

__all__ = ["LocalDirectory", "Runtime", "hold_directory", "read_runtime", "write_runtime"]


@dataclass(frozen=True, slots=True)
class LocalDirectory:
    """A directory that this process holds; `is_new_key` says that its API key was made just now."""

    path: Path
    secret_key: str
    api_key: str
    is_new_key: bool


@dataclass(frozen=True, slots=True)
class Runtime:
    """What runs from a directory now: `processes` maps each process's name to its address."""

    process_id: int
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    processes: dict[str, str]


@contextmanager
def hold_directory(path: Path) -> Iterator[LocalDirectory]:
    """Yield the directory, made at the first use, held against a second `up` until the end.

    Raises DataDirectoryInUseError and PermissionRefusedError.
    """
    try:
        path.mkdir(mode=_directory_mode(), parents=True, exist_ok=True)
        path.chmod(_directory_mode())
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        message = f"cannot use {path} ({error.strerror}): give this user that directory, or choose another one"
        raise PermissionRefusedError(message) from error
    try:
        _take(lock, path)
        (path / "runtime.json").unlink(missing_ok=True)
        yield _open(path)
        (path / "runtime.json").unlink(missing_ok=True)
    finally:
        os.close(lock)


def write_runtime(path: Path, runtime: Runtime) -> None:
    """Say what runs from the directory."""
    partial = path / "runtime.json.new"
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(asdict(runtime), indent=2), encoding="utf-8")
    partial.replace(path / "runtime.json")


def read_runtime(path: Path) -> Runtime | None:
    """Return what runs from the directory, or None when nothing does."""
    try:
        runtime = Runtime(**json.loads((path / "runtime.json").read_text(encoding="utf-8")))
        os.kill(runtime.process_id, 0)
    except (OSError, ValueError, TypeError):
        return None
    return runtime


def _take(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.pread(lock, 32, 0).decode(errors="replace") or "unknown"
        message = f"{path} is in use by another `bureau up` (process {owner}): stop it, or choose another directory"
        raise DataDirectoryInUseError(message) from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)


def _open(path: Path) -> LocalDirectory:
    is_new = not (path / "api_key").exists()
    return LocalDirectory(
        path,
        secret_key=load_or_make_secret(path / "secret_key", new_secret),
        api_key=load_or_make_secret(path / "api_key", new_api_key),
        is_new_key=is_new,
    )


def _directory_mode() -> int:
    """0711 only where PostgreSQL has to run as another user, who must pass through."""
    return 0o711 if choose_identity().kind is IdentityKind.USER else 0o700
