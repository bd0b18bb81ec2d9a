"""`bureau migrate`: the step before a roll-out."""

from bureau.cli.output import print_json, words_console
from bureau.commands.settings import load_settings
from bureau.local import prepare_database

__all__ = ["run_migrate"]


def run_migrate(wait_seconds: float, *, is_json: bool) -> None:
    """Migrate the database of the settings; raises CommandFailedError."""
    settings = load_settings()
    api_key = settings.bootstrap_api_key.get_secret_value()
    url = settings.database_url.get_secret_value()
    prepare_database(url, shards=settings.shards, api_key=api_key, wait_seconds=wait_seconds)
    words_console().print("bureau: the database has the newest schema", highlight=False)
    if is_json:
        print_json({"migrated": True, "shards": settings.shards, "api_key_stored": bool(api_key)})
