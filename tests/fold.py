"""The other half of the oracle: every read model is the fold of the log, as `bureau verify --deep` sees it."""

import asyncpg

from bureau.verification import Scope, verify
from infrastructure.read_versions import FIRST_VERSION, read_serving_versions
from infrastructure.redis_client import open_redis
from projectors.projections import PROJECTIONS, Projection

__all__ = ["find_unfolded", "has_applied_everything"]

_BEHIND = """
SELECT count(*) FROM log.floors f CROSS JOIN unnest($1::text[], $2::integer[]) AS p(name, version)
LEFT JOIN read.checkpoints c ON c.projection = p.name AND c.version = p.version AND c.shard = f.shard
WHERE (c.epoch, c.position) IS DISTINCT FROM (SELECT (h.epoch, h.position) FROM log.head_of(f.shard) h)
"""


async def has_applied_everything(
    pool: "asyncpg.Pool[asyncpg.Record]", projections: tuple[Projection, ...] = PROJECTIONS
) -> bool:
    """Tell whether every checkpoint stands at the head of its shard of the log."""
    serving = await read_serving_versions(pool)
    names = [projection.name for projection in projections]
    behind = await pool.fetchval(_BEHIND, names, [serving.get(name, FIRST_VERSION) for name in names])
    return bool(behind == 0)


async def find_unfolded(
    pool: "asyncpg.Pool[asyncpg.Record]", projections: tuple[Projection, ...] = PROJECTIONS
) -> list[str]:
    """Return in words the first rows that differ from the fold of the log; empty when all is well."""
    scope = Scope(
        is_deep=True,
        has_streams=False,
        has_write_side=False,
        has_receipts=False,
        projections=projections,
        patience_seconds=0,
    )
    async with open_redis("redis://127.0.0.1:1") as nobody:
        return [str(difference) for difference in (await verify(pool, nobody, scope)).differences]
