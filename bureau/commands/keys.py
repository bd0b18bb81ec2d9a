"""`bureau keys`: making, listing and revoking API keys."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from pydantic import StringConstraints, TypeAdapter, ValidationError
from rich.table import Table

from bureau.cli.output import data_console, print_json, words_console
from bureau.commands.servers import Purpose, run_on_database
from bureau.errors import CommandFailedError
from contracts.approvals import PersonName, RoleName
from infrastructure.api_keys import Principal, new_api_key, read_principals, revoke_api_key, store_api_key

__all__ = ["NewKey", "run_create_key", "run_list_keys", "run_revoke_key"]

_PURPOSE: Final = Purpose("bureau keys", "use the keys")
_WORKSPACE: Final = TypeAdapter(Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")])


class NewKey(NamedTuple):
    """Whose key it is to be, of which workspace and with which roles."""

    workspace: str
    name: str
    roles: Sequence[str]


def run_create_key(directory: Path, key: NewKey, *, is_json: bool) -> None:
    """Store a new key and print it; raises CommandFailedError."""
    _check(TypeAdapter(PersonName), key.name, "name")
    _check(_WORKSPACE, key.workspace, "workspace")
    for role in key.roles:
        _check(TypeAdapter(RoleName), role, "role")
    api_key = new_api_key()
    kept = sorted(set(key.roles))
    run_on_database(
        directory,
        _PURPOSE,
        lambda pool: store_api_key(pool, api_key, workspace_id=key.workspace, name=key.name, roles=kept),
    )
    key_id = api_key.split("_")[1]
    if is_json:
        made = {"key_id": key_id, "workspace_id": key.workspace, "name": key.name, "roles": kept, "api_key": api_key}
        print_json(made)
        return
    words_console().print(f"bureau: made the key {key_id} of {key.name}; it is not shown again", highlight=False)
    sys.stdout.write(f"{api_key}\n")


def run_list_keys(directory: Path, workspace: str, *, is_json: bool) -> None:
    """Print the valid keys of a workspace, by name; raises CommandFailedError."""
    found: list[Principal] = run_on_database(directory, _PURPOSE, lambda pool: read_principals(pool, workspace))
    found.sort(key=lambda principal: (principal.name, principal.key_id))
    if is_json:
        rows = ({"key_id": each.key_id, "name": each.name, "roles": sorted(each.roles)} for each in found)
        print_json({"keys": list(rows)})
        return
    table = Table("key id", "name", "roles")
    for each in found:
        table.add_row(each.key_id, each.name, ", ".join(sorted(each.roles)))
    data_console().print(table)


def run_revoke_key(directory: Path, key_id: str, *, is_json: bool) -> None:
    """Revoke a key; raises CommandFailedError where there is no such valid one."""
    if not run_on_database(directory, _PURPOSE, lambda pool: revoke_api_key(pool, key_id)):
        message = f"there is no valid key {key_id}: `bureau keys list` shows those that there are"
        raise CommandFailedError(message)
    words_console().print(f"bureau: the key {key_id} is revoked", highlight=False)
    if is_json:
        print_json({"key_id": key_id, "revoked": True})


def _check(kind: TypeAdapter[str], value: str, what: str) -> None:
    """Raise CommandFailedError where a rule of approval could not name this."""
    try:
        kind.validate_python(value)
    except ValidationError as error:
        message = f"{value!r} cannot be a {what}: {error.errors()[0]['msg']}"
        raise CommandFailedError(message) from error
