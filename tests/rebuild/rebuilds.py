"""Rebuilding in a test: what the command does, without the command."""

from collections.abc import Mapping

from contracts.streams import EntryId
from infrastructure.postgres import Pool
from infrastructure.read_checkpoints import open_serving, read_standings
from infrastructure.read_versions import ReadVersion
from projectors.building import catch_up, open_build
from projectors.projections import PROJECTIONS, Projection
from projectors.rebuilding import Progress, RebuildDependencies, Rebuilt, rebuild

__all__ = ["project_everything", "put_nothing", "run_rebuild"]


async def put_nothing(_version: ReadVersion, _applied: Mapping[int, EntryId]) -> None:
    """There is no cache."""


async def run_rebuild(pool: Pool, projection: Projection, *, drops_old: bool = False) -> tuple[Rebuilt, list[Progress]]:
    """Rebuild in this process; return what came of it and what was told."""
    told: list[Progress] = []
    dependencies = RebuildDependencies(pool, told.append, put_applied=put_nothing)
    return await rebuild(projection, dependencies, drops_old=drops_old), told


async def project_everything(pool: Pool, projections: tuple[Projection, ...] = PROJECTIONS) -> None:
    """Bring the serving versions to the head of the log."""
    for projection in projections:
        version = await open_serving(pool, projection.name)
        while await catch_up(open_build(pool, projection, version)):
            pass
        assert all(each.checkpoint == each.head for each in (await read_standings(pool, version)).values())
