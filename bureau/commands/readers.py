"""`bureau readers`: listing, registering and removing the readers of the streams."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich.table import Table

from bureau.cli.output import data_console, print_json, words_console
from bureau.commands.servers import Purpose, run_on_servers
from bureau.errors import CommandFailedError
from infrastructure.consumer_groups import create_groups, destroy_groups
from infrastructure.event_log import count_shards
from infrastructure.postgres import Pool
from infrastructure.readers import (
    ReaderStanding,
    read_reader_positions,
    read_reader_standings,
    register_reader,
    remove_reader,
)
from infrastructure.redis_client import RedisClient

__all__ = ["run_list_readers", "run_register_reader", "run_remove_reader"]

_PURPOSE = Purpose("bureau readers", "look after readers")


def run_list_readers(directory: Path, *, is_json: bool) -> None:
    """Print every registered reader; raises CommandFailedError."""
    standings = run_on_servers(directory, _PURPOSE, lambda pool, _redis: read_reader_standings(pool))
    by_reader = [(name, list(rows)) for name, rows in groupby(standings, key=lambda row: row.key.reader)]
    if is_json:
        print_json({"readers": [_as_json(name, rows) for name, rows in by_reader]})
        return
    table = Table("reader", "behind", "at most on a shard", "missed", "moved")
    for name, rows in by_reader:
        lags, missed = [row.lag for row in rows], sum(row.missed for row in rows)
        moved = f"{min(row.seconds for row in rows):.0f} s ago"
        table.add_row(name, str(sum(lags)), str(max(lags)), f"[red]{missed}[/red]" if missed else "0", moved)
    data_console().print(table)


def run_register_reader(directory: Path, name: str, *, from_now: bool, is_json: bool) -> None:
    """Register a reader and make its groups; raises CommandFailedError."""
    if not name.strip() or not name.isprintable():
        message = f"{name!r} cannot be the name of a consumer group: use letters, digits and dashes"
        raise CommandFailedError(message)

    async def register(pool: Pool, redis: RedisClient) -> tuple[bool, int]:
        is_new = await register_reader(pool, name, from_now=from_now)
        rows = await read_reader_positions(pool, reader=name)
        return is_new, len(await create_groups(redis, {row.key: row.entry for row in rows}))

    is_new, made = run_on_servers(directory, _PURPOSE, register)
    if is_json:
        print_json({"reader": name, "is_new": is_new, "groups_made": made})
    words = "is registered" if is_new else "was registered already"
    words_console().print(f"bureau: {name} {words}; made {made} consumer groups", highlight=False)


def run_remove_reader(directory: Path, name: str, *, with_group: bool, is_json: bool) -> None:
    """Remove a reader; raises CommandFailedError where there is none of that name."""

    async def remove(pool: Pool, redis: RedisClient) -> bool:
        is_removed = await remove_reader(pool, name)
        if with_group:
            await destroy_groups(redis, name, range(await count_shards(pool)))
        return is_removed

    if not run_on_servers(directory, _PURPOSE, remove):
        message = f"there is no registered reader {name}: `bureau readers list` shows those that there are"
        raise CommandFailedError(message)
    words_console().print(f"bureau: {name} is removed; nothing is kept for it any more", highlight=False)
    if is_json:
        print_json({"reader": name, "removed": True})


def _as_json(name: str, rows: Sequence[ReaderStanding]) -> dict[str, object]:
    shards = [
        {"shard": row.key.shard, "position": str(row.entry), "lag": row.lag, "missed": row.missed} for row in rows
    ]
    return {
        "reader": name,
        "lag": sum(row.lag for row in rows),
        "missed": sum(row.missed for row in rows),
        "shards": shards,
    }
