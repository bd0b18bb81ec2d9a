"""Whether log, streams and read model say the same: the events of every shard, byte for byte, and the task.

Looks at everything since the demonstration began, and at the newest events before that. Others may write meanwhile.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from bureau.errors import CommandFailedError
from client.records import TaskDetail, TaskTimelineEntry
from contracts.envelope import Envelope
from contracts.streams import EntryId
from infrastructure.event_log import LogRow, read_heads, read_log
from infrastructure.line_positions import StreamEntry, read_checkpoints, read_stream
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient

__all__ = ["Agreement", "check_agreement"]

_EVENTS_A_READ, _BYTES_A_READ = 500, 8_000_000
_EVENTS_BEFORE = 500


class Agreement(NamedTuple):
    """What was compared and found equal."""

    events: int
    shards: int
    task_events: int


async def check_agreement(
    pool: Pool,
    redis: RedisClient,
    task: TaskDetail,
    timeline: Sequence[TaskTimelineEntry],
    before: Mapping[int, EntryId],
) -> Agreement:
    """Compare what came after `before`, and a little more; raises CommandFailedError at the first difference."""
    heads = await read_heads(pool)
    rows: list[LogRow] = []
    for shard, head in heads.items():
        after = max(0, before[shard].position - _EVENTS_BEFORE)
        in_log = await _read_shard(pool, shard, after, head)
        entries = await _read_entries(redis, shard, after, head)
        _compare_shard(shard, in_log, entries, range(after + 1, head.position + 1))
        rows.extend(in_log)
    await _compare_checkpoints(pool, heads)
    task_events = _compare_task(rows, task, timeline)
    return Agreement(len(rows), len(heads), task_events)


async def _read_shard(pool: Pool, shard: int, after: int, head: EntryId) -> list[LogRow]:
    rows: list[LogRow] = []
    while (position := rows[-1].position if rows else after) < head.position:
        found = await read_log(pool, {shard: position}, limit=_EVENTS_A_READ, max_bytes=_BYTES_A_READ)
        if not found:
            message = f"the log of shard {shard} ends at {position}, before its head {head.position}"
            raise CommandFailedError(message)
        rows.extend(found)
    return [row for row in rows if row.position <= head.position]


async def _read_entries(redis: RedisClient, shard: int, after: int, head: EntryId) -> list[StreamEntry]:
    """The epoch of what stands at `after` is not known here: start in the head's, or at the very beginning."""
    entries: list[StreamEntry] = []
    start = EntryId(head.epoch, after) if after else EntryId(0, 0)
    while found := await read_stream(redis, shard, entries[-1].entry if entries else start, limit=_EVENTS_A_READ):
        entries.extend(each for each in found if each.entry.position <= head.position)
        if found[-1].entry.position >= head.position:
            break
    return entries


def _compare_shard(shard: int, rows: Sequence[LogRow], entries: Sequence[StreamEntry], expected: range) -> None:
    if [row.position for row in rows] != list(expected):
        message = f"the positions of shard {shard} in the log are not dense from {expected.start} on"
        raise CommandFailedError(message)
    in_log = [StreamEntry(EntryId(row.epoch, row.position), str(row.event_id), row.envelope) for row in rows]
    if in_log == list(entries):
        return
    different = next((one for one, other in zip(in_log, entries, strict=False) if one != other), None)
    where = f"at {different.entry}" if different else f"in length: {len(in_log)} and {len(entries)}"
    message = f"log and stream of shard {shard} differ {where}"
    raise CommandFailedError(message)


async def _compare_checkpoints(pool: Pool, heads: Mapping[int, EntryId]) -> None:
    for checkpoint in await read_checkpoints(pool):
        head = heads[checkpoint.shard]
        if checkpoint.entry.position < head.position:
            message = (
                f"the projection {checkpoint.projection} stands at {checkpoint.entry.position} of shard "
                f"{checkpoint.shard}, the log at {head.position}"
            )
            raise CommandFailedError(message)


def _compare_task(rows: Sequence[LogRow], task: TaskDetail, timeline: Sequence[TaskTimelineEntry]) -> int:
    """The read model's history is the log's, and the detail is as new as its last event."""
    envelopes = [Envelope.model_validate_json(row.envelope) for row in rows if row.root_id == task.task_id]
    in_log = sorted(_fact(each.id, each.aggregateversion, each.type) for each in envelopes)
    in_model = sorted(_fact(each.event_id, each.generation, each.type) for each in timeline)
    if in_log != in_model or [fact[0] for fact in in_log] != list(range(1, len(in_log) + 1)):
        message = f"the task's history in the log ({len(in_log)} events) and in the read model ({len(in_model)}) differ"
        raise CommandFailedError(message)
    if task.generation != len(in_log):
        message = f"the task's detail is at generation {task.generation}, the log at {len(in_log)}"
        raise CommandFailedError(message)
    return len(in_log)


def _fact(event_id: UUID, generation: int, event_type: str) -> tuple[int, str, str]:
    return generation, str(event_id), event_type
