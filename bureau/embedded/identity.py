"""As whom a server runs: PostgreSQL refuses root, so root needs another identity for it.

Preferred is a user namespace: outside it the process stays root, so it reaches every directory and its files stay
root's. Where the kernel refuses one (many containers), the process becomes an existing unprivileged user, who must be
able to reach the programs and the data.
"""

import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from bureau.embedded.errors import PermissionRefusedError

__all__ = ["Identity", "IdentityKind", "can_reach", "choose_identity", "give_ownership"]

_PREFERRED_USERS = ("postgres", "nobody", "daemon")
_SEARCH = 0o1


class IdentityKind(StrEnum):
    """How the identity is taken on."""

    CURRENT = "current"
    NAMESPACE = "namespace"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Identity:
    """A user that a server runs as.

    `user` and `group` are numeric ids as the server sees itself; `launcher_options` is what the launcher needs.
    """

    kind: IdentityKind
    user: int
    group: int
    name: str

    @property
    def launcher_options(self) -> tuple[str, ...]:
        """Command-line options for the launcher, none for the current user."""
        if self.kind is IdentityKind.CURRENT:
            return ()
        return (f"--{self.kind.value}", f"{self.user}:{self.group}")


def choose_identity(*, allow_namespace: bool = True) -> Identity:
    """Return the identity for a server that refuses root.

    Raises PermissionRefusedError when this process is root and no unprivileged user exists.
    """
    user = os.geteuid()
    if user != 0:
        return Identity(IdentityKind.CURRENT, user, os.getegid(), str(user))
    account = _find_unprivileged_account()
    if account is None:
        message = "PostgreSQL refuses to run as root and no other user exists: run `bureau` as an ordinary user"
        raise PermissionRefusedError(message)
    kind = IdentityKind.NAMESPACE if allow_namespace and _has_namespaces() else IdentityKind.USER
    return Identity(kind, account.pw_uid, account.pw_gid, account.pw_name)


def can_reach(identity: Identity, path: Path) -> bool:
    """Whether the identity may search every directory above `path`; always true unless it is another user."""
    if identity.kind is not IdentityKind.USER:
        return True
    return all(_may_search(identity, parent) for parent in path.resolve().parents)


def give_ownership(identity: Identity, directory: Path) -> None:
    """Make the whole tree the identity's own, where it is not already (root only; otherwise nothing happens)."""
    if os.geteuid() != 0:
        return
    user, group = (identity.user, identity.group) if identity.kind is IdentityKind.USER else (0, 0)
    if directory.stat().st_uid == user:
        return
    os.chown(directory, user, group)
    for path in directory.rglob("*"):
        os.chown(path, user, group, follow_symlinks=False)


def _may_search(identity: Identity, directory: Path) -> bool:
    status = directory.stat()
    if status.st_uid == identity.user:
        return bool(status.st_mode >> 6 & _SEARCH)
    if status.st_gid == identity.group:
        return bool(status.st_mode >> 3 & _SEARCH)
    return bool(status.st_mode & _SEARCH)


def _find_unprivileged_account() -> pwd.struct_passwd | None:
    accounts = {account.pw_name: account for account in pwd.getpwall() if account.pw_uid != 0}
    preferred = (accounts[name] for name in _PREFERRED_USERS if name in accounts)
    return next(preferred, next(iter(accounts.values()), None))


@cache
def _has_namespaces() -> bool:
    if sys.platform != "linux":
        return False
    launcher = Path(__file__).with_name("launcher.py")
    probe = (sys.executable, "-I", "-S", launcher, "--parent", str(os.getpid()), "--namespace", "1:1", "--")
    result = subprocess.run((*probe, "/bin/true"), check=False, capture_output=True, cwd="/")
    return result.returncode == 0
