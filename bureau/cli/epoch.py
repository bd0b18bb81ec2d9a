"""`bureau epoch`: what a database that went back in time left behind, and how to go on."""

from pathlib import Path
from typing import Annotated

import typer

from bureau.cli.output import reporting_failures
from bureau.errors import ExitCode

__all__ = ["epoch"]

Directory = Annotated[Path, typer.Option(help="The directory of a running `bureau up`.", envvar="BUREAU_DIRECTORY")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking; needed where nobody can answer.")]
Reason = Annotated[str, typer.Option(help="Why, for the record.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]

_HELP = """What to do after PostgreSQL was put back to an earlier time, or failed over to a server that lacks something.

Streams then hold events that the database no longer has (ghosts), and the relay stops rather than mix them up. A new
epoch says from which position on the log counts; everybody ignores the ghosts.

Works on the running `bureau up`, or else on DATABASE_URL and REDIS_URL.

Exit codes: 0 done, or nothing to do; 1 log and streams differ, a server is out of reach, or nobody agreed; 2 nobody can
be asked and --yes is missing.
"""

epoch = typer.Typer(name="epoch", help=_HELP, no_args_is_help=True)


@epoch.command()
def show(directory: Directory = Path(".bureau"), is_json: Json = False) -> None:
    """Show where log and streams part, shard by shard, and what a new epoch would do. Changes nothing.

    For example:

        bureau epoch show

        bureau epoch show --json

    Exit codes: 0 every stream agrees with the log, 1 some do not or the cluster changed, or a server is out of reach.
    """
    with reporting_failures():
        from bureau.commands.epoch import run_show_epoch

        if not run_show_epoch(directory, is_json=is_json):
            raise typer.Exit(ExitCode.FAILED)


@epoch.command()
def bump(
    directory: Directory = Path(".bureau"), is_agreed: Yes = False, reason: Reason = "", is_json: Json = False
) -> None:
    """Begin a new epoch where log and streams part: says what it will do, asks, and does all of it or nothing.

    Commands wait while it works. Relays and projectors go on by themselves afterwards.

    For example:

        bureau epoch bump

        bureau epoch bump --yes --reason "restored the backup of Monday"

    Exit codes: 0 begun; 1 nobody agreed, things changed meanwhile, or a server is out of reach; 2 --yes is missing.
    """
    with reporting_failures():
        from bureau.commands.epoch import run_bump_epoch

        run_bump_epoch(directory, reason, is_agreed=is_agreed, is_json=is_json)
