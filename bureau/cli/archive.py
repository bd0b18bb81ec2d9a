"""`bureau archive`: the part of the log that retention took out of the way."""

from pathlib import Path
from typing import Annotated

import typer

from bureau.cli.output import reporting_failures

__all__ = ["archive"]

Directory = Annotated[Path, typer.Option(help="The directory of a running `bureau up`.", envvar="BUREAU_DIRECTORY")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]

_HELP = """The archive of the log: partitions that BUREAU_LOG_RETENTION_DAYS took out of it.

Works on the database of the running `bureau up`, or else on DATABASE_URL.

Exit codes: 0 done, 1 the database is out of reach or refuses, or history is missing.
"""

archive = typer.Typer(name="archive", help=_HELP, no_args_is_help=True)


@archive.command("list")
def list_archive(directory: Directory = Path(".bureau"), is_json: Json = False) -> None:
    """Show the partitions of the archive, oldest first: their positions in every shard, and their sizes.

    For example:

        bureau archive list

    Exit codes: 0 shown, 1 the database is out of reach.
    """
    with reporting_failures():
        from bureau.commands.archive import run_list_archive

        run_list_archive(directory, is_json=is_json)


@archive.command()
def restore(directory: Directory = Path(".bureau"), is_json: Json = False) -> None:
    """Give the log its beginning back, for a whole `bureau verify`. Commands go on; retention waits a day to archive.

    A rebuild does not need it: it reads the archive where it is.

    For example:

        bureau archive restore

        bureau verify --deep

    Exit codes: 0 restored, 1 a partition is missing, or the database is out of reach or refuses.
    """
    with reporting_failures():
        from bureau.commands.archive import run_restore_archive

        run_restore_archive(directory, is_json=is_json)
