"""`bureau archive`: listing the archive of the log, and bringing it back."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.filesize import decimal
from rich.table import Table

from bureau.cli.output import data_console, print_json, words_console
from bureau.commands.settings import load_settings
from bureau.errors import CommandFailedError
from bureau.local import database_place, read_runtime
from infrastructure.log_restoring import HistoryLostError, read_archive, restore_log
from infrastructure.postgres import Pool, open_pool

__all__ = ["run_list_archive", "run_restore_archive"]


def run_list_archive(directory: Path, *, is_json: bool) -> None:
    """Print the partitions of the archive; raises CommandFailedError."""
    partitions = _run(directory, read_archive)
    if is_json:
        print_json({"partitions": [partition._asdict() for partition in partitions]})
        return
    table = Table("partition", "first position", "last position", "size")
    for name, start, after, size in partitions:
        table.add_row(name, str(max(start, 1)), str(after - 1), decimal(size))
    data_console().print(table)


def run_restore_archive(directory: Path, *, is_json: bool) -> None:
    """Give the log its beginning back; raises CommandFailedError where that is not possible."""
    restored = _run(directory, restore_log)
    words_console().print(f"bureau: {restored} partitions are in the log again, for a day at least", highlight=False)
    if is_json:
        print_json({"restored": restored})


def _run[Result](directory: Path, work: Callable[[Pool], Awaitable[Result]]) -> Result:
    """Do something with the database of the running service, or else with that of the settings."""
    runtime = read_runtime(directory)
    url = runtime.database_url if runtime else load_settings().database_url.get_secret_value()
    try:
        return asyncio.run(_work(url, work))
    except HistoryLostError as error:
        message = f"the log cannot be restored: {error}"
        raise CommandFailedError(message) from error
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        message = f"cannot use the archive in the database at {database_place(url)}: {reason}"
        raise CommandFailedError(message) from error


async def _work[Result](url: str, work: Callable[[Pool], Awaitable[Result]]) -> Result:
    pool = await open_pool(url, size=2, application_name="bureau archive")
    try:
        return await work(pool)
    finally:
        await pool.close()
