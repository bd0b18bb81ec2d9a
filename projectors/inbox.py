"""The buffer between the streams and one projection: bounded, in order by shard, and only a hint.

What does not fit is dropped, because the log has it: the shard is then behind, and is filled from there. So a slow
projection costs neither memory nor anybody else's time. All of it belongs to one event loop.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from contracts.streams import EntryId
from projectors.entries import Entry, ShardBatch, is_of_concern
from projectors.projections import Projection

__all__ = ["Inbox", "discard_shard", "fall_behind", "has_room", "offer", "take", "wait_for_work"]

_CAPACITY: Final = 4_000
_CAPACITY_BYTES: Final = 16_000_000
_LINGER_SECONDS: Final = 0.05


@dataclass(frozen=True)
class Inbox:
    """Entries that wait for a projection, and the shards that are behind: shard → the position known to be there.

    `held` counts the "entries" that wait in all and their "bytes": asked for with every delivery.
    """

    projection: Projection
    queues: dict[int, deque[Entry]] = field(default_factory=dict)
    behind: dict[int, int] = field(default_factory=dict)
    has_work: asyncio.Event = field(default_factory=asyncio.Event)
    timers: list[asyncio.TimerHandle] = field(default_factory=list)
    held: Counter[str] = field(default_factory=Counter)


def has_room(inbox: Inbox) -> bool:
    """Tell whether another delivery would be kept."""
    return inbox.held["entries"] < _CAPACITY and inbox.held["bytes"] < _CAPACITY_BYTES


def fall_behind(inbox: Inbox, shard: int, position: int) -> None:
    """Note that a shard has events up to a position that must come from the log."""
    inbox.behind[shard] = max(position, inbox.behind.get(shard, 0))
    inbox.has_work.set()


def discard_shard(inbox: Inbox, shard: int) -> None:
    """Forget the entries of a shard that wait."""
    for entry in inbox.queues.pop(shard, ()):
        _count_out(inbox, entry)


def _count_out(inbox: Inbox, entry: Entry) -> None:
    inbox.held["entries"] -= 1
    inbox.held["bytes"] -= len(entry.envelope)


def _wake(inbox: Inbox, entries: Sequence[Entry]) -> None:
    """Wake the projection now, or within the linger where nothing concerns it and more may be merged into one write."""
    if inbox.has_work.is_set():
        return
    try:
        is_urgent = any(is_of_concern(inbox.projection, entry) for entry in entries)
    except ValueError:
        is_urgent = True
    if is_urgent:
        inbox.has_work.set()
    elif not inbox.timers:
        inbox.timers.append(asyncio.get_running_loop().call_later(_LINGER_SECONDS, inbox.has_work.set))


def offer(inbox: Inbox, entries: Sequence[Entry]) -> None:
    """Put a delivery of one shard into the inbox, or note that the shard is behind; never waits."""
    shard, last = entries[0].shard, entries[-1].id.position
    if shard in inbox.behind or not has_room(inbox):
        fall_behind(inbox, shard, last)
        return
    inbox.queues.setdefault(shard, deque()).extend(entries)
    inbox.held["entries"] += len(entries)
    inbox.held["bytes"] += sum(len(entry.envelope) for entry in entries)
    _wake(inbox, entries)


async def wait_for_work(inbox: Inbox, seconds: float) -> None:
    """Wait until there is work, at most the given time."""
    try:
        async with asyncio.timeout(seconds):
            await inbox.has_work.wait()
    except TimeoutError:
        return
    finally:
        inbox.has_work.clear()
        while inbox.timers:
            inbox.timers.pop().cancel()


def _take_shard(inbox: Inbox, shard: int, checkpoint: EntryId, limit: int) -> tuple[Entry, ...]:
    """Take what follows the checkpoint without a gap; what does not belong is dropped, and a gap is noted.

    Only entries of the checkpoint's own epoch are taken as they are: where the epoch changes, the log decides.
    """
    queue = inbox.queues[shard]
    taken: list[Entry] = []
    expected = checkpoint.position + 1
    while queue and len(taken) < limit:
        entry = queue[0]
        if entry.id.position >= expected and entry.id != EntryId(checkpoint.epoch, expected):
            fall_behind(inbox, shard, queue[-1].id.position)
            discard_shard(inbox, shard)
            return tuple(taken)
        queue.popleft()
        _count_out(inbox, entry)
        if entry.id.position == expected:
            taken.append(entry)
            expected += 1
    return tuple(taken)


def take(inbox: Inbox, checkpoints: Mapping[int, EntryId], limit: int) -> list[ShardBatch]:
    """Take what comes next in every shard that a checkpoint is given for, `limit` entries at most over all of them.

    What is left over is work for the next time.
    """
    shares = [shard for shard in checkpoints if inbox.queues.get(shard)]
    batches: list[ShardBatch] = []
    for number, shard in enumerate(shares):
        share = max(1, limit // (len(shares) - number))
        entries = _take_shard(inbox, shard, checkpoints[shard], share)
        limit = max(0, limit - len(entries))
        if entries:
            batches.append(ShardBatch(shard, checkpoints[shard], entries))
    if any(inbox.queues.get(shard) for shard in checkpoints):
        inbox.has_work.set()
    return batches
