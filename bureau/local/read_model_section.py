"""What `bureau status` says of read models: which version serves, and what a rebuild has in hand or has left."""

from bureau.local.read_model_status import read_model_statuses
from bureau.local.section import Section
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from projectors.projections import PROJECTIONS

__all__ = ["read_read_models_section"]


async def read_read_models_section(pool: Pool, _redis: RedisClient) -> Section:
    """Return a row for each projection."""
    statuses = await read_model_statuses(pool, PROJECTIONS)
    rows: tuple[dict[str, str | int | float | None], ...] = tuple(
        {
            "projection": each.projection,
            "version": each.version,
            "bytes": each.bytes,
            "being built": each.building,
            "built": round(each.building_share, 3) if each.building is not None else None,
            "kept": each.kept,
        }
        for each in statuses
    )
    begun = [each.projection for each in statuses if each.building is not None]
    kept = [each.projection for each in statuses if each.kept is not None]
    notes = [f"a rebuild of {name} is under way, or was stopped: `bureau rebuild {name}` goes on" for name in begun]
    notes += [f"the version before of {name} is kept: `bureau rebuild {name} --confirm` drops it" for name in kept]
    return Section(name="read_models", title="Read models: versions", rows=rows, notes=tuple(notes))
