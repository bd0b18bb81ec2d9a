"""What `bureau status` says of the projectors: which replica works on which shards of each projection."""

from collections.abc import Sequence

from bureau.local.section import Section
from infrastructure.event_log import count_shards
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from infrastructure.shard_leases import read_lease_holders
from projectors.follower import role_of
from projectors.projections import PROJECTIONS

__all__ = ["read_projector_section"]


async def read_projector_section(pool: Pool, _redis: RedisClient) -> Section:
    """Return a row for each projection and replica with its shards, and a note for each shard that nobody works on."""
    names = {role_of(projection.name): projection.name for projection in PROJECTIONS}
    holders = await read_lease_holders(pool, names)
    shards = range(await count_shards(pool))
    held: dict[str, set[int]] = {name: set() for name in names.values()}
    for holder in holders:
        held[names[holder.role]].update(holder.shards)
    orphans = {name: sorted(set(shards) - own) for name, own in held.items() if len(own) < len(shards)}
    return Section(
        name="projectors",
        title=f"Projectors: {len({holder.member_id for holder in holders})}",
        rows=tuple(
            {"projection": names[each.role], "replica": each.name, "shards": _ranges(each.shards)} for each in holders
        ),
        notes=tuple(f"{name}: nobody has the shards {_ranges(own)} by lease" for name, own in orphans.items()),
    )


def _ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers as `0-3, 7`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
