"""From PostgreSQL's last words to one line that says what to do."""

from pathlib import Path

from bureau.embedded.errors import (
    DataDirectoryDamagedError,
    DataDirectoryInUseError,
    EmbeddedServerError,
    PermissionRefusedError,
    PortTakenError,
    ServerFailedError,
)

__all__ = ["explain_failure", "is_transient_failure"]

_DAMAGE = (
    "could not locate a valid checkpoint record",
    "could not locate required checkpoint record",
    "could not find the database system",
    "could not read file",
    "could not open file",
    "could not open directory",
    "could not access directory",
    "could not access status",
    "incorrect checksum in control file",
    "invalid checkpoint",
    "invalid data in",
    "invalid magic number",
    "is not a valid data directory",
    "bogus data in",
    "database files are incompatible",
    "PANIC:",
)
_SEVERE = ("FATAL:", "PANIC:", "postgres: ")


def is_transient_failure(words: str) -> bool:
    """Whether the start can be repeated: the last server's remains are still going away."""
    return "pre-existing shared memory block" in words


def explain_failure(words: str, data: Path, port: int, log: Path) -> EmbeddedServerError:
    """Return the error for a start that failed; `words` is what this start wrote to the log."""
    reason = _reason(words)
    if "could not bind" in words and "in use" in words:
        return PortTakenError(f"port {port} is taken: stop what listens there, or choose another port for PostgreSQL")
    if "lock file" in reason and "already exists" in reason:
        return DataDirectoryInUseError(f"another PostgreSQL uses {data}: stop it first ({reason})")
    if "could not create shared memory" in words or "No space left on device" in words:
        return ServerFailedError(f"PostgreSQL is out of memory or disk space ({reason}): free some; its log is {log}")
    if "Permission denied" in words or "has wrong ownership" in words:
        return PermissionRefusedError(f"PostgreSQL has no permission ({reason}): give this user {data}")
    if any(sign in words for sign in _DAMAGE):
        return DataDirectoryDamagedError(
            f"PostgreSQL cannot use {data} ({reason}): restore a backup, or move it away to start with an empty one"
        )
    return ServerFailedError(f"PostgreSQL did not start ({reason}): its log is {log}")


def _reason(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    severe = [line for line in lines if any(sign in line for sign in _SEVERE)]
    chosen = (severe or lines or ["it said nothing"])[0]
    for sign in ("FATAL:", "PANIC:"):
        _, found, rest = chosen.partition(sign)
        if found:
            return rest.strip()
    return chosen
