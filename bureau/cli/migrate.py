"""`bureau migrate`: the step before a roll-out."""

from typing import Annotated

import typer

from bureau.cli.output import print_json, reporting_failures, words_console
from bureau.cli.settings import load_settings
from bureau.local import prepare_database
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
        settings = load_settings()
        api_key = settings.bootstrap_api_key.get_secret_value()
        url = settings.database_url.get_secret_value()
        prepare_database(url, shards=settings.shards, api_key=api_key, wait_seconds=wait)
        words_console().print("bureau: the database has the newest schema", highlight=False)
        if is_json:
            print_json({"migrated": True, "shards": settings.shards, "api_key_stored": bool(api_key)})
