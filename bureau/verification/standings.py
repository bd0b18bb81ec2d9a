"""Whether streams and read models reach the cut: what lags gets a moment, what still lags then differs."""

import asyncio
import time
from collections.abc import Mapping

from bureau.verification.differences import Kind, note
from bureau.verification.scope import Work
from bureau.verification.shards import epoch_of, is_ghost
from contracts.streams import EntryId
from infrastructure.line_positions import Checkpoint, read_checkpoints, read_stream_heads
from infrastructure.verification import ShardCut, read_cuts

__all__ = ["verify_standings"]

_PAUSE_SECONDS = 0.05

type Found = tuple[Kind, str, str]


async def verify_standings(work: Work, cuts: Mapping[int, ShardCut]) -> None:
    """Wait until everything is at the cut or behind it, and note what is not when the patience is over."""
    deadline = time.monotonic() + work.scope.patience_seconds
    while True:
        lagging = await _find_lagging(work, cuts)
        if not lagging or time.monotonic() > deadline:
            break
        work.advance("waiting for streams and read models", 0, None)
        await asyncio.sleep(_PAUSE_SECONDS)
    for found in lagging:
        note(work.findings, *found)
    await _note_beyond(work)


async def _find_lagging(work: Work, cuts: Mapping[int, ShardCut]) -> list[Found]:
    lagging: list[Found] = []
    if work.scope.has_streams:
        streams = await read_stream_heads(work.redis, list(cuts))
        lagging += [
            (Kind.STREAM_BEHIND, f"shard {shard}", f"the stream ends at {streams[shard]}, the log at {cut.head}")
            for shard, cut in cuts.items()
            if _is_short(cut, streams[shard])
        ]
    checkpoints = {(each.projection, each.shard): each for each in await _checkpoints(work)}
    for projection in work.scope.projections:
        for shard, cut in cuts.items():
            checkpoint = checkpoints.get((projection.name, shard))
            reached = checkpoint.entry if checkpoint else cut.floor
            if reached.position < cut.head.position:
                words = f"it stands at {reached}, the log at {cut.head}"
                lagging.append((Kind.CHECKPOINT_BEHIND, f"{projection.name} shard {shard}", words))
    return lagging


def _is_short(cut: ShardCut, stream: EntryId) -> bool:
    """Tell whether a stream ends before the cut; a stream that was trimmed to nothing on record does not."""
    return stream < cut.head and cut.head.position > max(cut.floor.position, cut.trimmed)


async def _checkpoints(work: Work) -> list[Checkpoint]:
    """Return the checkpoints of the versions that serve."""
    names = {projection.name for projection in work.scope.projections}
    return [each for each in await read_checkpoints(work.pool) if each.projection in names]


async def _note_beyond(work: Work) -> None:
    """Note what stands where the log does not reach: it was read before the heads, so it can't be ahead of them."""
    shards = list(await read_cuts(work.pool))
    streams = await read_stream_heads(work.redis, shards) if work.scope.has_streams else {}
    checkpoints = await _checkpoints(work)
    cuts = await read_cuts(work.pool)
    for shard, last in streams.items():
        if last > cuts[shard].head and not is_ghost(cuts[shard].epochs, last):
            words = f"the stream ends at {last}, which the log does not have: it ends at {cuts[shard].head}"
            note(work.findings, Kind.STREAM_BEYOND, f"shard {shard}", words)
    for each in checkpoints:
        cut = cuts[each.shard]
        beyond = each.entry.position > cut.head.position
        if beyond or each.entry.epoch > epoch_of(cut.epochs, max(1, each.entry.position)):
            words = f"it stands at {each.entry}, which the log does not have: it ends at {cut.head}"
            note(work.findings, Kind.CHECKPOINT_BEYOND, f"{each.projection} shard {each.shard}", words)
