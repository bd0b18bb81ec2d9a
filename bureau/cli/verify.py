"""`bureau verify`: whether the whole line says the same."""

from pathlib import Path
from typing import Annotated

import typer

from bureau.cli.output import reporting_failures
from bureau.errors import ExitCode

__all__ = ["verify"]

Directory = Annotated[Path, typer.Option(help="The directory of a running `bureau up`.", envvar="BUREAU_DIRECTORY")]
Deep = Annotated[bool, typer.Option("--deep", help="Compare bodies too, and every row of the read models.")]
Patience = Annotated[float, typer.Option(help="Seconds that streams and read models may take to reach the log.", min=0)]
Most = Annotated[int, typer.Option(help="How many differences of each kind to show.", min=1)]
ProcessCount = Annotated[
    int | None, typer.Option("--processes", help="Processes that compare aggregates; default: cores, at most 4.", min=1)
]
Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON on standard output.")]


def verify(
    directory: Directory = Path(".bureau"),
    is_deep: Deep = False,
    patience: Patience = 10.0,
    most: Most = 20,
    processes: ProcessCount = None,
    is_json: Json = False,
) -> None:
    """Compare log, streams, read models, write side and receipts, while the service goes on working.

    In the log: positions of each shard dense, versions of each aggregate 1 to n once, no event id twice. On the
    streams: the log's ids and event ids in its order, as far as they reach. With --deep also the bodies of all entries,
    and each row of the read models against the fold of the log. What waits as a dead letter is a difference; what
    somebody had skipped is named, and is none. Changes nothing.

    For example:

        bureau verify

        bureau verify --deep

        bureau verify --deep --json | jq .differences

    Exit codes: 0 all agree, 1 something differs (the first differences are on standard output), 2 it could not be
    carried out: a server is out of reach or refuses, or a setting is wrong.
    """
    with reporting_failures():
        from bureau.commands.verify import run_verify

        if not run_verify(directory, patience, most, processes, is_deep=is_deep, is_json=is_json):
            raise typer.Exit(ExitCode.FAILED)
