"""`bureau readers`: the consumer groups that the streams are kept for."""

from pathlib import Path
from typing import Annotated

import typer

from bureau.cli.output import reporting_failures

__all__ = ["readers"]

Directory = Annotated[Path, typer.Option(help="The directory of a running `bureau up`.", envvar="BUREAU_DIRECTORY")]
Name = Annotated[str, typer.Argument(help="The name of the consumer group.", show_default=False)]
FromNow = Annotated[bool, typer.Option("--from-now", help="Begin with what happens from now on.")]
WithGroup = Annotated[bool, typer.Option("--with-group", help="Destroy the consumer groups on the streams, too.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]

_HELP = """Registered readers of the event streams: consumer groups of integrations.

What a registered reader has not acknowledged stays on the streams (up to BUREAU_STREAM_LIMIT), and its groups are made
again where they stood when Redis lost them. One that no longer exists holds trimming back until it is removed.

Works on the servers of the running `bureau up`, or else on DATABASE_URL and REDIS_URL.

Exit codes: 0 done, 1 a server is out of reach or refuses, or there is no such reader.
"""

readers = typer.Typer(name="readers", help=_HELP, no_args_is_help=True)


@readers.command("list")
def list_readers(directory: Directory = Path(".bureau"), is_json: Json = False) -> None:
    """Show the registered readers: how far behind the log each is, and what was trimmed before it had it.

    For example:

        bureau readers list

        bureau readers list --json

    Exit codes: 0 shown, 1 the database is out of reach.
    """
    with reporting_failures():
        from bureau.commands.readers import run_list_readers

        run_list_readers(directory, is_json=is_json)


@readers.command()
def register(
    name: Name, from_now: FromNow = False, directory: Directory = Path(".bureau"), is_json: Json = False
) -> None:
    """Register a reader and make its consumer group on every stream, at the first event that the streams still hold.

    A group of that name that exists stays where it is. Doing it again makes what is missing.

    For example:

        bureau readers register search-index

        bureau readers register alerts --from-now

    Exit codes: 0 registered, 1 a server is out of reach or refuses.
    """
    with reporting_failures():
        from bureau.commands.readers import run_register_reader

        run_register_reader(directory, name, from_now=from_now, is_json=is_json)


@readers.command()
def remove(
    name: Name, with_group: WithGroup = False, directory: Directory = Path(".bureau"), is_json: Json = False
) -> None:
    """Remove a reader from the registry: nothing is kept for it any more.

    For example:

        bureau readers remove search-index --with-group

    Exit codes: 0 removed, 1 there is no such reader, or a server is out of reach or refuses.
    """
    with reporting_failures():
        from bureau.commands.readers import run_remove_reader

        run_remove_reader(directory, name, with_group=with_group, is_json=is_json)
