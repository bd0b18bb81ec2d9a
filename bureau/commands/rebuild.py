"""`bureau rebuild`: making a read model anew, and what goes with it."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from uuid import UUID

from rich.table import Table

from bureau.cli.output import data_console, print_json, words_console
from bureau.commands.rebuild_progress import showing_rebuild
from bureau.commands.servers import addresses_of
from bureau.errors import CommandFailedError
from bureau.local import database_place, reason_of
from bureau.local.build_processes import run_build_processes
from bureau.local.read_model_status import read_model_statuses
from contracts.streams import EntryId
from infrastructure.cache_notices import announce_applied
from infrastructure.clock import monotonic_seconds
from infrastructure.postgres import Pool, is_connection_error, open_pool
from infrastructure.read_versions import ReadVersion
from infrastructure.redis_client import RedisClient, is_redis_error, open_redis
from infrastructure.version_switching import (
    NotBuildingError,
    OldVersionKeptError,
    RebuildRunningError,
    drop_building,
    drop_kept,
    hold_rebuild,
)
from projectors.building import BuildFailedError, first_error
from projectors.collecting import collect_less
from projectors.projections import PROJECTIONS, Projection, table_names
from projectors.rebuilding import HistoryMissingError, Progress, RebuildDependencies, Rebuilt, rebuild
from projectors.refolding import CannotRefoldError, Refolded, refold

__all__ = ["run_abandon", "run_confirm", "run_list", "run_rebuild", "run_refold"]

_CONNECTIONS = 6
_MOST_PROCESSES = 4
_REBUILD = "rebuild"


def run_rebuild(directory: Path, name: str, processes: int | None, *, drops_old: bool, is_json: bool) -> None:
    """Rebuild a projection and say what came of it; raises CommandFailedError."""
    projection = _projection(name)
    database_url, redis_url = addresses_of(directory)
    count = processes or min(os.cpu_count() or 1, _MOST_PROCESSES)
    collect_less()
    started = monotonic_seconds()

    async def work(pool: Pool, tell: Callable[[Progress], None]) -> Rebuilt:
        redis = open_redis(redis_url)
        dependencies = RebuildDependencies(
            pool,
            tell,
            put_applied=partial(_put_applied, redis),
            run_processes=partial(run_build_processes, database_url),
            processes=count,
        )
        try:
            return await rebuild(projection, dependencies, drops_old=drops_old)
        finally:
            await redis.aclose()

    with showing_rebuild(words_console(), name, is_json=is_json) as tell:
        rebuilt: Rebuilt = _run(database_url, _REBUILD, lambda pool: work(pool, tell))
    _report(name, rebuilt, monotonic_seconds() - started, drops_old=drops_old, is_json=is_json)


def run_refold(directory: Path, name: str, aggregate_id: UUID, *, is_json: bool) -> None:
    """Make the rows of one aggregate again from the log; raises CommandFailedError."""
    projection = _projection(name)
    database_url, redis_url = addresses_of(directory)

    async def work(pool: Pool) -> Refolded:
        redis = open_redis(redis_url)
        try:
            refolded = await refold(pool, projection, aggregate_id)
            with suppress(Exception):  # what is cached ends by itself within a minute
                # No projection came further by it: the known position stays, and is said again.
                await announce_applied(redis, refolded.stamps, {refolded.place: EntryId(0, 0)})
            return refolded
        finally:
            await redis.aclose()

    refolded: Refolded = _run(database_url, "make the rows of an aggregate again", work)
    said = f"bureau: {aggregate_id} is made again from {refolded.events} events in {name}"
    words_console().print(said, highlight=False, soft_wrap=True)
    if is_json:
        print_json(
            {
                "projection": name,
                "aggregate_id": str(aggregate_id),
                "events": refolded.events,
                "rows_before": refolded.rows_before,
                "rows": refolded.rows,
            }
        )


def run_confirm(directory: Path, name: str, *, is_json: bool) -> None:
    """Drop the version that the last rebuild kept; raises CommandFailedError where there is none."""
    _drop(directory, name, drop_kept, "no version of {} is kept from before a rebuild", is_json=is_json)


def run_abandon(directory: Path, name: str, *, is_json: bool) -> None:
    """Drop the version that is being built; raises CommandFailedError where there is none."""
    _drop(directory, name, drop_building, "no rebuild of {} was begun and not finished", is_json=is_json)


def run_list(directory: Path, *, is_json: bool) -> None:
    """Print the projections with their versions, progress and sizes; raises CommandFailedError."""
    database_url, _ = addresses_of(directory)
    statuses = _run(database_url, "list the read models", partial(read_model_statuses, projections=PROJECTIONS))
    if is_json:
        print_json({"projections": [status.model_dump(mode="json") for status in statuses]})
        return
    table = Table("projection", "version", "serving since", "events behind", "MiB", "being built", "kept from before")
    for each in statuses:
        since = "" if each.serving_since is None else f"{each.serving_since:%Y-%m-%d %H:%M:%S}"
        building = "" if each.building is None else f"version {each.building}, {each.building_share:.0%}"
        kept = "" if each.kept is None else f"version {each.kept}"
        megabytes = f"{each.bytes / 2**20:,.1f}"
        table.add_row(each.projection, str(each.version), since, f"{each.lag:,}", megabytes, building, kept)
    data_console().print(table)


def _drop(
    directory: Path,
    name: str,
    drop: Callable[[Pool, str, tuple[str, ...]], Awaitable[ReadVersion | None]],
    otherwise: str,
    *,
    is_json: bool,
) -> None:
    projection = _projection(name)
    database_url, _ = addresses_of(directory)

    async def work(pool: Pool) -> ReadVersion | None:
        async with hold_rebuild(pool, name):
            return await drop(pool, name, table_names(projection))

    version: ReadVersion | None = _run(database_url, "drop a version", work)
    if version is None:
        message = f"{otherwise.format(name)}: `bureau rebuild --list` shows what there is"
        raise CommandFailedError(message)
    words_console().print(f"bureau: version {version.version} of {name} is dropped", highlight=False)
    if is_json:
        print_json({"projection": name, "dropped": version.version})


def _report(name: str, rebuilt: Rebuilt, seconds: float, *, drops_old: bool, is_json: bool) -> None:
    old = rebuilt.version - 1
    after = (
        f"version {old} is dropped" if drops_old else f"version {old} is kept until `bureau rebuild {name} --confirm`"
    )
    words_console().print(
        f"bureau: {name} is served in version {rebuilt.version} now, made from {rebuilt.events:,} events"
        f" in {seconds:.1f} s; {after}",
        highlight=False,
        soft_wrap=True,
    )
    if rebuilt.parked:
        said = f"bureau: {rebuilt.parked} roots are parked in it: `bureau dead-letters list` shows why"
        words_console().print(said, highlight=False, soft_wrap=True)
    if is_json:
        outcome = {"projection": name, "version": rebuilt.version, "events": rebuilt.events, "parked": rebuilt.parked}
        print_json(
            outcome
            | {"seconds": round(seconds, 3), "is_resumed": rebuilt.is_resumed, "kept": None if drops_old else old}
        )


def _projection(name: str) -> Projection:
    for projection in PROJECTIONS:
        if projection.name == name:
            return projection
    message = f"there is no projection {name!r}, but {', '.join(sorted(each.name for each in PROJECTIONS))}"
    raise CommandFailedError(message)


async def _put_applied(redis: RedisClient, version: ReadVersion, applied: Mapping[int, EntryId]) -> None:
    """Tell the shared cache where a version begins to serve; without Redis there is nothing cached either."""
    name = version.qualify(version.projection)
    try:
        positions = {(name, shard): entry for shard, entry in applied.items()}
        await announce_applied(redis, {}, positions, is_forced=True)
    except Exception as error:
        if not is_redis_error(error):
            raise


def _run[Result](url: str, words: str, work: Callable[[Pool], Awaitable[Result]]) -> Result:
    """Do something with the database, `cannot <words> …` where it fails; raises CommandFailedError."""
    try:
        return asyncio.run(_work(url, work))
    except Exception as error:
        raise CommandFailedError(_explain(error, url, words)) from error


def _explain(error: Exception, url: str, words: str) -> str:
    """Return what went wrong, why, and what helps."""
    match first_error(error):
        case RebuildRunningError():
            return f"{error} is being rebuilt by another process: `bureau rebuild --list` shows how far it is"
        case OldVersionKeptError(args=(name, version)):
            return (
                f"version {version} of {name} is kept from the last rebuild: `bureau rebuild {name} --confirm` drops it"
            )
        case NotBuildingError(args=((name, version),)):
            return f"version {version} of {name} was given up meanwhile: `bureau rebuild {name}` begins again"
        case HistoryMissingError() | BuildFailedError() | CannotRefoldError():
            return str(error)
        case cause:
            more = "; call it again to go on" if words == _REBUILD and is_connection_error(cause) else ""
            return f"cannot {words} in the database at {database_place(url)}: {reason_of(cause)}{more}"


async def _work[Result](url: str, work: Callable[[Pool], Awaitable[Result]]) -> Result:
    pool = await open_pool(url, size=_CONNECTIONS, application_name="bureau rebuild", is_durable=False)
    try:
        return await work(pool)
    finally:
        pool.terminate()
