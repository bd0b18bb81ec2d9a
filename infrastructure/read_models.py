"""Reading the version that serves, without asking first which one that is.

Who reads believes in a version. Its statement answers from that version's tables and says, from the same snapshot,
which version serves: where that is another one, the answer is thrown away and the statement is made anew. So a switch
costs whoever reads at that moment one more round trip, and all others nothing.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import asyncpg
import structlog

from infrastructure.postgres import Pool
from infrastructure.read_versions import FIRST_VERSION, ReadVersion, read_serving_versions

__all__ = ["ReadModels", "fetch_serving", "open_read_models", "serving_version"]

_REFRESH_SECONDS: Final = 1.0
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class ReadModels:
    """The database, and the versions that serve as far as this process knows."""

    pool: Pool
    serving: dict[str, int] = field(default_factory=dict)


def serving_version(models: ReadModels, projection: str) -> int:
    """Return the version of a projection that is believed to serve."""
    return models.serving.get(projection, FIRST_VERSION)


async def fetch_serving(
    models: ReadModels, projection: str, statement: Callable[[ReadVersion], str], *arguments: object
) -> asyncpg.Record:
    """Return the one row of a statement that has a column `serving` (`covers_sql`), from the version that serves.

    A version whose tables are gone does not serve. Raises RuntimeError where versions change faster than can be read.
    """
    for _ in range(_ATTEMPTS):
        version = ReadVersion(projection, serving_version(models, projection))
        try:
            row = await models.pool.fetchrow(statement(version), *arguments)
        except asyncpg.UndefinedTableError:
            known: Mapping[str, int] = await read_serving_versions(models.pool)
            if known.get(projection, FIRST_VERSION) == version.version:
                raise
            models.serving.update(known)
            continue
        assert row is not None  # noqa: S101 - the positions are a row whatever else is there
        if row["serving"] == version.version:
            return row
        models.serving[projection] = row["serving"]
    message = f"the serving version of {projection} changed {_ATTEMPTS} times while it was read"
    raise RuntimeError(message)


async def _keep_versions(models: ReadModels) -> None:
    """Learn of switches though nobody reads the database, so that what is cached of an old version ends soon."""
    log = structlog.get_logger(__name__)
    is_reached = True
    while True:
        try:
            models.serving.update(await read_serving_versions(models.pool))
            is_reached = True
        except Exception as error:  # noqa: BLE001 - whatever it is, the next look may be a better one
            if is_reached:
                log.warning("serving_versions_out_of_reach", error=type(error).__name__)
            is_reached = False
        await asyncio.sleep(_REFRESH_SECONDS)


@contextlib.asynccontextmanager
async def open_read_models(pool: Pool) -> AsyncIterator[ReadModels]:
    """Look once a second which versions serve, while the context is open."""
    models = ReadModels(pool)
    keeping = asyncio.create_task(_keep_versions(models))
    try:
        yield models
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
