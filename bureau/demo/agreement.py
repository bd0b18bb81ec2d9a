"""Whether log, streams and read model say the same: what `bureau verify --deep` sees, and the task's own history.

Looks at everything since the demonstration began, and at the newest events before that. Others may write meanwhile.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from bureau.errors import CommandFailedError
from bureau.verification import Scope, verify
from client.records import TaskDetail, TaskTimelineEntry
from contracts.envelope import Envelope
from contracts.streams import EntryId
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from infrastructure.verification_events import read_history

__all__ = ["Agreement", "check_agreement"]

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
    after = {shard: max(0, entry.position - _EVENTS_BEFORE) for shard, entry in before.items()}
    scope = Scope(is_deep=True, after=after, first=task.task_id, last=task.task_id, has_receipts=False)
    report = await verify(pool, redis, scope)
    if report.differences:
        raise CommandFailedError(str(report.differences[0]))
    envelopes = [Envelope.model_validate_json(event.envelope) for event in await read_history(pool, task.task_id)]
    return Agreement(report.events, report.shards, _compare_task(envelopes, task, timeline))


def _compare_task(in_log: Sequence[Envelope], task: TaskDetail, timeline: Sequence[TaskTimelineEntry]) -> int:
    """The history that queries answer is the log's, and the detail is as new as its last event."""
    logged = [_fact(each.id, each.aggregateversion, each.type) for each in in_log]
    answered = sorted(_fact(each.event_id, each.generation, each.type) for each in timeline)
    if logged != answered:
        message = f"the task's history in the log ({len(logged)} events) and in the read model ({len(answered)}) differ"
        raise CommandFailedError(message)
    if task.generation != len(logged):
        message = f"the task's detail is at generation {task.generation}, the log at {len(logged)}"
        raise CommandFailedError(message)
    return len(logged)


def _fact(event_id: UUID, generation: int, event_type: str) -> tuple[int, str, str]:
    return generation, str(event_id), event_type
