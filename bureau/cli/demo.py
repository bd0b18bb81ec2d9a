"""`bureau demo`: what it is called with."""

from pathlib import Path
from typing import Annotated

import typer

from bureau.cli.output import reporting_failures
from bureau.supervise import raising_on_stop_signals

__all__ = ["demo"]

File = Annotated[Path | None, typer.Argument(help="A log to analyse; the service's own when left out.")]
Output = Annotated[Path | None, typer.Option(help="Where the artifacts and the service's log are saved.")]
Url = Annotated[str | None, typer.Option(help="A running service: where commands go. Starts no service.")]
QueryUrl = Annotated[str | None, typer.Option(help="Where queries go, if elsewhere than --url.")]
Worker = Annotated[bool, typer.Option("--worker/--no-worker", help="With --url: start an example worker for the task.")]
Json = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON on standard output.")]


def demo(
    file: File = None,
    output: Output = None,
    url: Url = None,
    query_url: QueryUrl = None,
    has_worker: Worker = True,
    is_json: Json = False,
) -> None:
    """Take one task through the whole system, started for real in a temporary directory, and check every step.

    Starts PostgreSQL, Valkey, the command API, the relay, the projectors, the query API and an example worker as
    processes of their own, gives the worker a log to analyse, prints its report, the way of one event along the line
    with milliseconds, and whether log, streams and read model agree. Leaves nothing running.

    With --url the service is there already: BUREAU_API_KEY opens it, and DATABASE_URL and REDIS_URL are read to follow
    the event. Only an example worker is started, for an agent of its own; --no-worker gives the task to the agent
    log-analyst, whose worker runs already. Files are written to the temporary directory, or to --output.

    For example:

        bureau demo

        bureau demo /var/log/nginx/access.log --output report

        bureau demo --url http://127.0.0.1:8000 --query-url http://127.0.0.1:8001

    Exit codes: 0 all went well and everything agrees, 1 something failed or differs, 2 wrong usage or settings,
    3 this machine lacks something.
    """
    with reporting_failures(), raising_on_stop_signals():
        if url is None and (query_url or not has_worker):
            message = "--query-url and --no-worker go with --url"
            raise typer.BadParameter(message)
        if url is None:
            from bureau.commands.demo import run_demo

            run_demo(file, output, is_json=is_json)
            return
        from bureau.commands.demo_elsewhere import run_demo_elsewhere

        run_demo_elsewhere(url, query_url, file, output, has_worker=has_worker, is_json=is_json)
