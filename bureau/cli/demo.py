"""`bureau demo`: what it is called with."""

from pathlib import Path
from typing import Annotated

import typer

from bureau.cli.output import reporting_failures
from bureau.supervise import raising_on_stop_signals

__all__ = ["demo"]

File = Annotated[Path | None, typer.Argument(help="A log to analyse; the service's own when left out.")]
Output = Annotated[Path | None, typer.Option(help="Where the artifacts and the service's log are saved.")]
Json = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON on standard output.")]


def demo(file: File = None, output: Output = None, is_json: Json = False) -> None:
    """Take one task through the whole system, started for real in a temporary directory, and check every step.

    Starts PostgreSQL, Valkey, the command API, the relay, the projectors, the query API and an example worker as
    processes of their own, gives the worker a log to analyse, prints its report, the way of one event along the line
    with milliseconds, and whether log, streams and read model agree. Leaves nothing running.

    For example:

        bureau demo

        bureau demo /var/log/nginx/access.log --output report

    Exit codes: 0 all went well and everything agrees, 1 something failed or differs, 3 this machine lacks something.
    """
    with reporting_failures(), raising_on_stop_signals():
        from bureau.commands.demo import run_demo

        run_demo(file, output, is_json=is_json)
