"""`bureau status`: every process, and every shard's way along the line."""

from pathlib import Path
from typing import Annotated

import typer

from bureau.cli.output import reporting_failures
from bureau.errors import ExitCode

__all__ = ["status"]

Directory = Annotated[Path, typer.Option(help="The directory of a running `bureau up`.", envvar="BUREAU_DIRECTORY")]
Process = Annotated[
    list[str] | None, typer.Option(help="A process elsewhere, as NAME=URL; may be repeated.", show_default=False)
]
Patience = Annotated[float, typer.Option(help="Seconds that what was committed may take along the line.", min=0)]
Json = Annotated[bool, typer.Option("--json", help="Print the status as JSON on standard output.")]


def status(
    directory: Directory = Path(".bureau"), process: Process = None, patience: Patience = 2.0, is_json: Json = False
) -> None:
    """Show every process, and the positions of each shard: in the log, on its stream, and in every projection.

    Looks at the running `bureau up`, or else at DATABASE_URL and REDIS_URL.

    For example:

        bureau status

        bureau status --json

        bureau status --process relay=http://relay:8000 --process projectors=http://projectors:8000

    Exit codes: 0 healthy, 1 something is out of reach, not ready, or lagging for longer than the patience.
    """
    with reporting_failures():
        from bureau.commands.status import run_status

        if not run_status(directory, process or [], patience, is_json=is_json):
            raise typer.Exit(ExitCode.FAILED)
