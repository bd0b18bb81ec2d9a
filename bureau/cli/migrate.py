"""`bureau migrate`: the step before a roll-out."""

from typing import Annotated

import typer

from bureau.cli.output import reporting_failures
from bureau.supervise import raising_on_stop_signals

__all__ = ["migrate"]

Wait = Annotated[float, typer.Option(help="Seconds to keep trying while the database is out of reach.", min=0)]
Json = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON on standard output.")]


def migrate(wait: Wait = 30.0, is_json: Json = False) -> None:
    """Bring the database at DATABASE_URL to the newest schema and store BUREAU_API_KEY, if it is set.

    Safe to repeat, and safe to run by several replicas at once.

    For example:

        DATABASE_URL=postgresql://me@db/bureau bureau migrate

        bureau migrate --wait 120

    Exit codes: 0 migrated, 1 the database is out of reach or refuses.
    """
    with reporting_failures(), raising_on_stop_signals():
        from bureau.commands.migrate import run_migrate

        run_migrate(wait, is_json=is_json)
