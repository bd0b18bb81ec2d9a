"""What read models there are: the version that serves, how far each is, what is being built and what is kept."""

from collections.abc import Sequence
from datetime import datetime

from contracts.record import Record
from infrastructure.postgres import Pool
from infrastructure.read_checkpoints import read_standings
from infrastructure.read_versions import ReadVersion
from infrastructure.version_switching import Pointer, read_pointers
from infrastructure.version_tables import measure_tables
from projectors.projections import Projection, table_names

__all__ = ["ReadModelStatus", "read_model_statuses"]


class ReadModelStatus(Record):
    """One projection; `bytes` of its serving tables with indexes, `lag` in events, `building_share` from 0 to 1.

    `serving_since` is null where the first version was never switched from.
    """

    projection: str
    version: int
    serving_since: datetime | None
    lag: int
    bytes: int
    building: int | None
    building_since: datetime | None
    building_share: float
    kept: int | None


async def read_model_statuses(pool: Pool, projections: Sequence[Projection]) -> list[ReadModelStatus]:
    """Return the status of each projection, by name."""
    pointers = await read_pointers(pool)
    names = sorted(projections, key=lambda projection: projection.name)
    return [await _read(pool, each, pointers.get(each.name, Pointer(each.name))) for each in names]


async def _read(pool: Pool, projection: Projection, pointer: Pointer) -> ReadModelStatus:
    serving = ReadVersion(projection.name, pointer.version)
    standings = (await read_standings(pool, serving)).values()
    return ReadModelStatus(
        projection=projection.name,
        version=pointer.version,
        serving_since=pointer.serving_since if pointer.version > 1 else None,
        lag=sum(each.head.position - each.checkpoint.position for each in standings),
        bytes=await measure_tables(pool, serving, table_names(projection)),
        building=pointer.building,
        building_since=pointer.building_since,
        building_share=0.0 if pointer.building is None else await _share(pool, projection.name, pointer.building),
        kept=pointer.kept,
    )


async def _share(pool: Pool, name: str, version: int) -> float:
    standings = (await read_standings(pool, ReadVersion(name, version))).values()
    total = sum(each.head.position for each in standings)
    return sum(each.checkpoint.position for each in standings) / total if total else 0.0
