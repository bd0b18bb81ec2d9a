"""`bureau archive`: listing the archive of the log, and bringing it back."""

from pathlib import Path

from rich.filesize import decimal
from rich.table import Table

from bureau.cli.output import data_console, print_json, words_console
from bureau.commands.servers import Purpose, run_on_database
from bureau.errors import CommandFailedError
from infrastructure.log_restoring import HistoryLostError, read_archive, restore_log
from infrastructure.postgres import Pool

__all__ = ["run_list_archive", "run_restore_archive"]

_PURPOSE = Purpose("bureau archive", "use the archive")


def run_list_archive(directory: Path, *, is_json: bool) -> None:
    """Print the partitions of the archive; raises CommandFailedError."""
    partitions = run_on_database(directory, _PURPOSE, read_archive)
    if is_json:
        print_json({"partitions": [partition._asdict() for partition in partitions]})
        return
    table = Table("partition", "first position", "last position", "size")
    for name, start, after, size in partitions:
        table.add_row(name, str(max(start, 1)), str(after - 1), decimal(size))
    data_console().print(table)


def run_restore_archive(directory: Path, *, is_json: bool) -> None:
    """Give the log its beginning back; raises CommandFailedError where that is not possible."""
    restored = run_on_database(directory, _PURPOSE, _restore, size=2)
    words_console().print(f"bureau: {restored} partitions are in the log again, for a day at least", highlight=False)
    if is_json:
        print_json({"restored": restored})


async def _restore(pool: Pool) -> int:
    try:
        return await restore_log(pool)
    except HistoryLostError as error:
        message = f"the log cannot be restored: {error}"
        raise CommandFailedError(message) from error
