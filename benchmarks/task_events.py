"""A log full of short lives of tasks, as the commands would have written it; for measurements that need real events."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import batched
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

from contracts.a2a import Message, Part, Role
from contracts.envelope import Envelope
from contracts.events import Event, TaskCompleted, TaskProgressed, TaskStarted, TaskSubmitted, TaskUsageReported
from contracts.streams import shard_of
from contracts.usage import Usage
from infrastructure.postgres import Pool

__all__ = ["EVENTS_A_TASK", "Line", "append_lines", "fill_log", "make_task"]

EVENTS_A_TASK: Final = 5
_SIDE_BY_SIDE: Final = 100
_APPEND: Final = "SELECT * FROM log.append_events($1, $2, $3, 'default', $4, $5, $6, $5, $7)"
_TIME: Final = datetime(2026, 11, 22, tzinfo=UTC)


class Line(NamedTuple):
    """An event as the log takes it."""

    event_id: UUID
    event_type: str
    root: UUID
    generation: int
    envelope: bytes


def _events(randomness: Random, root: UUID) -> list[Event]:
    """Return what happens in a short life of a task."""
    question = Message(message_id="m", role=Role.USER, parts=(Part(text="Look at this log, please. " * 8),))
    submitted = TaskSubmitted(
        task_id=root,
        agent_id=UUID(int=7),
        context_id=f"context-{randomness.randint(1, 1000)}",
        message=question,
        priority=5,
        max_attempts=3,
        metadata={},
        reference_task_ids=(),
    )
    return [
        submitted,
        TaskStarted(attempt=1, worker="worker"),
        TaskProgressed(attempt=1, fraction=0.5, message=None),
        TaskUsageReported(
            attempt=1,
            usage=Usage(input_tokens=100),
            agent_id=submitted.agent_id,
            context_id=submitted.context_id,
            report=1,
        ),
        TaskCompleted(attempt=1, message=Message(message_id="m", role=Role.AGENT, parts=(Part(text="Done."),))),
    ]


def make_task(randomness: Random) -> list[Line]:
    """Return the events of a new task, about 700 bytes each."""
    root = UUID(int=randomness.getrandbits(128))
    lines = []
    for generation, event in enumerate(_events(randomness, root), start=1):
        event_id = UUID(int=randomness.getrandbits(128))
        envelope = Envelope(
            id=event_id,
            type=event.type,
            subject=f"task/{root}",
            time=_TIME,
            partitionkey=root,
            workspaceid="default",
            aggregateversion=generation,
            schemaversion=1,
            correlationid=str(event_id),
            causationid=str(event_id),
            traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
            data=event.model_dump(mode="json", exclude_none=True),
        )
        lines.append(Line(event_id, event.type, root, generation, envelope.model_dump_json().encode()))
    return lines


async def append_lines(pool: Pool, shard: int, lines: Sequence[Line]) -> int:
    """Append events of one shard in one transaction; return the position of the last."""
    ids, types, roots, generations, envelopes = (list(column) for column in zip(*lines, strict=True))
    arguments = (shard, ids, types, ["task"] * len(lines), roots, generations, envelopes)
    row = await pool.fetchrow(_APPEND, *arguments)
    assert row is not None
    return int(row["o_position"])


async def fill_log(pool: Pool, tasks: int, *, shards: int) -> None:
    """Write a backlog in which the tasks of a shard run side by side, a hundred at a time."""
    randomness = Random(1)
    members: dict[int, list[list[Line]]] = {}
    for _ in range(tasks):
        lines = make_task(randomness)
        members.setdefault(shard_of(lines[0].root, shards), []).append(lines)
    for shard, lives in members.items():
        for together in batched(lives, _SIDE_BY_SIDE):
            await append_lines(pool, shard, [line for step in zip(*together, strict=True) for line in step])
    await pool.execute("VACUUM ANALYZE log.events")
