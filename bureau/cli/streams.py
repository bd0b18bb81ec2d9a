"""`bureau streams`: whether they are whole, and making one anew."""

from pathlib import Path
from typing import Annotated

import typer

from bureau.cli.output import reporting_failures
from bureau.errors import ExitCode

__all__ = ["streams"]

Directory = Annotated[Path, typer.Option(help="The directory of a running `bureau up`.", envvar="BUREAU_DIRECTORY")]
Shard = Annotated[int, typer.Argument(help="Which shard's stream.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]

_HELP = """The streams that the relay fills: everything in them can be made again from the log.

A stream that was emptied, put back to an older copy or damaged is mended by the relay itself, within seconds. What it
cannot judge (an entry that is not the log's) stops the shard, until somebody looks.

Works on the servers of the running `bureau up`, or else on DATABASE_URL and REDIS_URL.

Exit codes: 0 done, 1 a server is out of reach, or the answer is no.
"""

streams = typer.Typer(name="streams", help=_HELP, no_args_is_help=True)


@streams.command()
def check(directory: Directory = Path(".bureau"), is_json: Json = False) -> None:
    """Show which streams lack entries that were not trimmed from them. `bureau verify` compares the contents as well.

    For example:

        bureau streams check

        bureau streams check --json

    Exit codes: 0 every stream is whole, 1 one is not, or a server is out of reach.
    """
    with reporting_failures():
        from bureau.commands.streams import run_check_streams

        if not run_check_streams(directory, is_json=is_json):
            raise typer.Exit(ExitCode.FAILED)


@streams.command()
def refill(shard: Shard, directory: Directory = Path(".bureau"), yes: Yes = False, is_json: Json = False) -> None:
    """Empty one stream, so that the relay fills it anew from the log; says what it will do, and asks first.

    For a stream that holds entries that nobody but a stranger can have put there. Consumer groups are kept.

    For example:

        bureau streams refill 7

        bureau streams refill 7 --yes

    Exit codes: 0 emptied, 1 refused or out of reach, 2 nobody can be asked and --yes is missing.
    """
    with reporting_failures():
        from bureau.commands.streams import run_refill_stream

        run_refill_stream(directory, shard, is_agreed=yes, is_json=is_json)
