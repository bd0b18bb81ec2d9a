"""What is to be said of what was applied: gathered here by the projections, said by `projectors.announcing`.

Knows nothing of Redis, so that whoever only fills a version need not.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from contracts.streams import EntryId
from infrastructure.read_versions import ReadVersion
from projectors.projections import Projection

__all__ = ["Announcer", "announce", "applying", "ask_for_comparison", "doubt_everything"]

_MOST_STAMPS: Final = 20_000
_LONGEST_WAIT_SECONDS: Final = 0.002


@dataclass(frozen=True)
class Announcer:
    """What is to be said next. `checkpoints` are the projections' own, by name; `doubtful` those to compare.

    `versions` says which version of a projection those are of, 1 where it is missing. `under_way` names the projections
    that apply something now: what they bring may leave in the same call.
    """

    projections: Mapping[str, Projection]
    checkpoints: Mapping[str, Mapping[int, EntryId]]
    versions: dict[str, int] = field(default_factory=dict)
    stamps: dict[str, str] = field(default_factory=dict)
    applied: dict[tuple[str, int], EntryId] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    under_way: set[str] = field(default_factory=set)
    has_work: asyncio.Event = field(default_factory=asyncio.Event)


def announce(
    announcer: Announcer, version: ReadVersion, applied: Mapping[int, EntryId], stamps: Mapping[str, str]
) -> None:
    """Note what a projection applied; never waits. Too many notices are dropped and compared later."""
    name = version.qualify(version.projection)
    announcer.applied.update({(name, shard): reached for shard, reached in applied.items()})
    announcer.stamps.update(stamps)
    if len(announcer.stamps) > _MOST_STAMPS:
        doubt_everything(announcer)
    asyncio.get_running_loop().call_later(_LONGEST_WAIT_SECONDS, announcer.has_work.set)


@contextmanager
def applying(announcer: Announcer, projection: str) -> Iterator[None]:
    """Have what others announce wait for what this projection announces in the block; the last to end sends it all."""
    announcer.under_way.add(projection)
    try:
        yield
    finally:
        announcer.under_way.discard(projection)
        if announcer.applied and not announcer.under_way:
            announcer.has_work.set()


def ask_for_comparison(announcer: Announcer, projection: str) -> None:
    """Have the positions that Redis knows of a projection compared with its checkpoints."""
    announcer.doubtful.add(projection)
    announcer.has_work.set()


def doubt_everything(announcer: Announcer) -> None:
    """Drop what is to be said: comparing finds it again."""
    announcer.stamps.clear()
    announcer.applied.clear()
    announcer.doubtful.update(announcer.checkpoints)
