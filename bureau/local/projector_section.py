"""What `bureau status` says of the projectors: which replica works on which shards of each projection."""

from collections.abc import Iterator, Mapping, Sequence

from bureau.local.section import Section
from infrastructure.event_log import count_shards
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from infrastructure.shard_leases import read_lease_holders
from projectors.follower import role_of
from projectors.projections import PROJECTIONS

__all__ = ["read_projector_section"]


async def read_projector_section(pool: Pool, _redis: RedisClient) -> Section:
    """Return a row for each projection and replica with its shards; shards that nobody works on are a problem."""
    names = {role_of(projection.name): projection.name for projection in PROJECTIONS}
    holders = await read_lease_holders(pool, names)
    shards = range(await count_shards(pool))
    held: dict[str, set[int]] = {name: set() for name in names.values()}
    for holder in holders:
        held[names[holder.role]].update(holder.shards)
    return Section(
        name="projectors",
        title=f"Projectors: {len({holder.member_id for holder in holders})}",
        rows=tuple(
            {"projection": names[each.role], "replica": each.name, "shards": _ranges(each.shards)} for each in holders
        ),
        problems=tuple(_find_orphans(held, shards)),
    )


def _find_orphans(held: Mapping[str, set[int]], shards: Sequence[int]) -> Iterator[str]:
    """Say of which projections nobody works on which shards."""
    if not any(held.values()):
        yield "no projector works on any shard: start one, or look at its log"
        return
    for name, own in held.items():
        if orphans := sorted(set(shards) - own):
            yield f"no projector works on the shards {_ranges(orphans)} of {name}: start one, or look at its log"


def _ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers as `0-3, 7`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
