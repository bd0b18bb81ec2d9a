"""`bureau up`: what it is called with."""

from pathlib import Path
from typing import Annotated

import typer

from bureau.cli.output import reporting_failures
from bureau.supervise import StopRequestedError, raising_on_stop_signals

__all__ = ["up"]

Directory = Annotated[Path, typer.Option(help="Where data, keys and logs are kept.", envvar="BUREAU_DIRECTORY")]
Host = Annotated[str | None, typer.Option(help="Address to listen on (BUREAU_HOST, 127.0.0.1).")]
Port = Annotated[int | None, typer.Option(help="Port to listen on (BUREAU_PORT, 8000).", min=1, max=65535)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON line on standard output when ready.")]


def up(directory: Directory = Path(".bureau"), host: Host = None, port: Port = None, is_json: Json = False) -> None:
    """Run the whole service on this machine until Ctrl-C.

    Starts PostgreSQL and Valkey (unless DATABASE_URL or REDIS_URL name servers of yours), migrates, and runs commands
    and queries on one address, the relay and the projectors. What ends by itself is started again.
    Logs go to standard error: readable on a terminal, JSON lines otherwise.

    For example:

        bureau up

        bureau up --port 8001 --directory /srv/bureau

        DATABASE_URL=postgresql://me@db/bureau bureau up

    Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage or settings, 3 a port, directory or program is missing.
    """
    with reporting_failures(), raising_on_stop_signals():
        try:
            from bureau.commands.up import run_up

            run_up(directory, host, port, is_json=is_json)
        except StopRequestedError:
            return
