"""`bureau keys`: who may use the service, and what they may decide."""

from pathlib import Path
from typing import Annotated

import typer

from bureau.cli.output import reporting_failures

__all__ = ["keys"]

Directory = Annotated[Path, typer.Option(help="The directory of a running `bureau up`.", envvar="BUREAU_DIRECTORY")]
Name = Annotated[str, typer.Option(help="Whose key it is; rules of approval may name people by it.")]
Workspace = Annotated[str, typer.Option(help="The workspace that the key opens; it sees nothing of another.")]
Roles = Annotated[list[str] | None, typer.Option("--role", help="A role; may be repeated.", show_default=False)]
KeyId = Annotated[str, typer.Argument(help="The key's id, as `bureau keys list` shows it.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]

_HELP = """API keys of people and programs, with the roles that let them decide on approvals.

Works on the database of the running `bureau up`, or else on DATABASE_URL.

Exit codes: 0 done, 1 the database is out of reach or refuses, or there is no such key.
"""

keys = typer.Typer(name="keys", help=_HELP, no_args_is_help=True)


@keys.command()
def create(
    name: Name,
    role: Roles = None,
    workspace: Workspace = "default",
    directory: Directory = Path(".bureau"),
    is_json: Json = False,
) -> None:
    """Make a key and print it, once, on standard output: only its hash is kept.

    For example:

        bureau keys create --name ada --role operator

        KEY=$(bureau keys create --name worker-7 --workspace research)

    Exit codes: 0 made, 1 the database is out of reach or refuses, or a name, role or workspace cannot be used.
    """
    with reporting_failures():
        from bureau.commands.keys import NewKey, run_create_key

        run_create_key(directory, NewKey(workspace, name, role or []), is_json=is_json)


@keys.command("list")
def list_keys(workspace: Workspace = "default", directory: Directory = Path(".bureau"), is_json: Json = False) -> None:
    """Show the keys of a workspace that are valid: their ids, names and roles.

    For example:

        bureau keys list --json

    Exit codes: 0 done, 1 the database is out of reach or refuses.
    """
    with reporting_failures():
        from bureau.commands.keys import run_list_keys

        run_list_keys(directory, workspace, is_json=is_json)


@keys.command()
def revoke(key_id: KeyId, directory: Directory = Path(".bureau"), is_json: Json = False) -> None:
    """Make a key invalid; running processes refuse it within ten seconds, and its votes count no more at once.

    For example:

        bureau keys revoke 6f0c1d2e3a4b

    Exit codes: 0 revoked, 1 there is no such valid key, or the database is out of reach or refuses.
    """
    with reporting_failures():
        from bureau.commands.keys import run_revoke_key

        run_revoke_key(directory, key_id, is_json=is_json)
