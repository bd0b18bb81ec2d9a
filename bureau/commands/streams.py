"""`bureau streams`: looking whether the streams are whole, and having one filled anew from the log."""

import sys
from pathlib import Path

import typer
from rich.table import Table

from bureau.cli.output import data_console, print_json, words_console
from bureau.commands.servers import Purpose, run_on_servers
from bureau.errors import CommandFailedError, WrongSettingError
from infrastructure.event_log import count_shards
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from infrastructure.strangers import find_other_keys
from infrastructure.stream_repair import Refill, clear_stream, find_damage, plan_refill

__all__ = ["run_check_streams", "run_refill_stream"]

_NAME = "bureau streams"


def run_check_streams(directory: Path, *, is_json: bool) -> bool:
    """Print what is missing from the streams; return whether nothing is. Raises CommandFailedError."""

    async def look(pool: Pool, redis: RedisClient) -> list[dict[str, str | int | bool]]:
        found = await find_damage(pool, redis, range(await count_shards(pool)))
        return [{"shard": each.shard, "damage": each.words, "is_mendable": each.is_mendable} for each in found]

    rows = run_on_servers(directory, Purpose(_NAME, "look at the streams"), look)
    if is_json:
        print_json({"damaged": rows})
    elif rows:
        table = Table("shard", "damage", "who mends it")
        for row in rows:
            table.add_row(str(row["shard"]), str(row["damage"]), "the relay" if row["is_mendable"] else "you")
        data_console().print(table)
    words = "every stream is whole" if not rows else f"{len(rows)} of the streams are damaged"
    words_console().print(f"bureau: {words}", highlight=False)
    return not rows


def run_refill_stream(directory: Path, shard: int, *, is_agreed: bool, is_json: bool) -> None:
    """Say what is going to happen, ask, and empty the stream for the relay to fill. Raises CommandFailedError.

    Raises WrongSettingError where nobody can be asked.
    """
    if not is_agreed and not sys.stdin.isatty():
        message = "`bureau streams refill` asks before it acts, and nobody can answer here: add --yes"
        raise WrongSettingError(message)

    async def plan(pool: Pool, redis: RedisClient) -> Refill:
        if not 0 <= shard < (count := await count_shards(pool)):
            message = f"there is no shard {shard}: they go from 0 to {count - 1}"
            raise CommandFailedError(message)
        if other := await find_other_keys(redis, [shard]):
            message = f"nothing was changed: {other[shard]}; the relay fills the stream then"
            raise CommandFailedError(message)
        found = await plan_refill(pool, redis, shard)
        if found is None:
            message = f"shard {shard} has no stream: a running relay makes it, `bureau status` tells whether one runs"
            raise CommandFailedError(message)
        return found

    refill = run_on_servers(directory, Purpose(_NAME, "look at the stream"), plan)
    _explain(refill)
    if not is_agreed and not typer.confirm(f"Fill the stream of shard {shard} anew?", err=True):
        raise CommandFailedError("nothing was changed")

    async def empty(_pool: Pool, redis: RedisClient) -> bool:
        return await clear_stream(redis, shard, refill.shape, refill.agreed)

    if not run_on_servers(directory, Purpose(_NAME, "empty the stream"), empty):
        message = f"the stream of shard {shard} changed meanwhile, so nothing was done: look again"
        raise CommandFailedError(message)
    words_console().print(f"bureau: the stream of shard {shard} is empty; the relay fills it", highlight=False)
    if is_json:
        print_json({"shard": shard, "entries_removed": refill.shape.length, "begins_after": refill.floor})


def _explain(refill: Refill) -> None:
    words = words_console()
    ends = f"ends with {refill.shape.last_id} and holds {refill.shape.length} entries"
    words.print(f"The stream of shard {refill.shard} {ends}.", highlight=False)
    words.print(
        f"They are removed; the relay puts the log's events {refill.floor + 1} to {refill.head} there, in order."
        " Consumer groups stay where they are, and get again what they have not acknowledged.",
        highlight=False,
    )
    if not refill.has_log_the_end:
        words.print(
            "The log does not hold what the stream ends with. If the database went back in time,"
            " `bureau epoch show` and `bureau epoch bump` are what you want, not this.",
            style="yellow",
            highlight=False,
        )
