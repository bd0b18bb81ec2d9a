"""Secrets of the local service: made once, kept beside the data in files that only their owner reads."""

import os
from collections.abc import Callable
from pathlib import Path

from bureau.embedded.errors import DataDirectoryDamagedError
from infrastructure.identifiers import new_secret

__all__ = ["load_or_make_secret"]


def load_or_make_secret(path: Path, make: Callable[[], str] = new_secret) -> str:
    """Return the secret kept in the file (mode 0600), made at the first call (256 bits, safe in an address).

    Raises DataDirectoryDamagedError where the file holds something else.
    """
    kept = path.read_bytes().strip() if path.exists() else b""
    if kept.isascii() and kept.decode("ascii").isprintable():
        if kept:
            return kept.decode("ascii")
    else:
        message = f"{path} is damaged: put it back from a backup, or begin with another directory"
        raise DataDirectoryDamagedError(message)
    secret = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.new")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secret}\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return secret
