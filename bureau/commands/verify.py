"""`bureau verify`: carrying it out and showing what came of it."""

import asyncio
import os
from functools import partial
from pathlib import Path

from bureau.cli.output import data_console, print_json, words_console
from bureau.cli.progress import showing_steps
from bureau.commands.servers import addresses_of
from bureau.errors import CommandFailedError, WrongSettingError
from bureau.local import database_place, reason_of
from bureau.local.verify_processes import PartFailedError, run_parts
from bureau.verification import Advance, Processes, Report, Scope, verify
from infrastructure.left_out import LeftOut
from infrastructure.postgres import is_connection_error, is_database_error, open_pool
from infrastructure.redis_client import is_redis_error, open_redis
from projectors.collecting import collect_less

__all__ = ["run_verify"]

_MOST_PROCESSES = 4


def run_verify(
    directory: Path, patience_seconds: float, most: int, processes: int | None, *, is_deep: bool, is_json: bool
) -> bool:
    """Print the report and return whether everything agrees; WrongSettingError where it could not be carried out."""
    try:
        database_url, redis_url = addresses_of(directory)
    except CommandFailedError as error:
        raise WrongSettingError(str(error)) from error
    scope = Scope(is_deep=is_deep, patience_seconds=patience_seconds)
    collect_less()  # 143 -> 102 us an event
    count = processes or min(os.cpu_count() or 1, _MOST_PROCESSES)
    parts = Processes(count, partial(run_parts, database_url, redis_url)) if count > 1 else None
    with showing_steps(words_console()) as advance:
        report = asyncio.run(_verify(database_url, redis_url, scope, advance, most, parts))
    if is_json:
        print_json(report.model_dump(mode="json"))
    else:
        _show(report)
    return report.is_equal


async def _verify(
    database_url: str, redis_url: str, scope: Scope, advance: Advance, most: int, parts: Processes | None
) -> Report:
    pool = await open_pool(database_url, size=2, application_name="bureau verify")
    redis = open_redis(redis_url)
    try:
        return await verify(pool, redis, scope, advance=advance, most=most, processes=parts)
    except PartFailedError as error:
        raise WrongSettingError(str(error)) from error
    except Exception as error:
        if is_connection_error(error) or is_redis_error(error):
            message = f"a server is out of reach, see `bureau status`: {reason_of(error)}"
        elif is_database_error(error):
            message = f"cannot verify the database at {database_place(database_url)}: {reason_of(error)}"
        else:
            raise
        raise WrongSettingError(message) from error
    finally:
        await redis.aclose()
        pool.terminate()


def _explain(event: LeftOut) -> str:
    """Return the line for an event that was skipped."""
    where = f"event {event.event_id} (shard {event.shard} position {event.position}, root {event.root_id})"
    who = f"skipped by {event.requested_by} on {event.requested_at:%Y-%m-%d %H:%M}"
    return f"no difference, for somebody wanted it: {event.projection} lacks {where}: {who}"


def _show(report: Report) -> None:
    words = words_console()
    for difference in report.differences:
        data_console().print(str(difference), markup=False, highlight=False, soft_wrap=True)
    looked = (
        f"{report.events} events in {report.shards} shards, {report.entries} stream entries, "
        f"{report.aggregates} aggregates, {report.receipts} receipts"
    )
    looked += f", {report.rows} rows of read models" if report.is_deep else ""
    if report.unfolded:
        words.print(
            f"{report.unfolded} aggregates began before the floor of the log: their rows were not compared",
            highlight=False,
            soft_wrap=True,
        )
    for skipped in report.skipped:
        words.print(_explain(skipped), markup=False, highlight=False, soft_wrap=True)
    if report.is_equal:
        words.print(f"[green]all agree[/green]: {looked}", highlight=False, soft_wrap=True)
        return
    hidden = report.different - len(report.differences)
    more = f", {hidden} of them not shown" if hidden else ""
    words.print(f"[red]{report.different} differences[/red]{more}: {looked}", highlight=False, soft_wrap=True)
