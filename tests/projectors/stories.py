"""Lives of agents and tasks as real events, seeded, and the log and streams that they are written to."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import batched
from random import Random
from uuid import UUID

import asyncpg
from redis.asyncio import Redis

from contracts.a2a import AgentCard, Artifact, Message, Part, Role
from contracts.agents import AgentPolicy
from contracts.envelope import Envelope
from contracts.events import (
    AgentPaused,
    AgentRegistered,
    AgentResumed,
    Event,
    TaskArtifactAppended,
    TaskAttemptStarted,
    TaskCanceled,
    TaskCompleted,
    TaskFailed,
    TaskProgressed,
    TaskStarted,
    TaskSubmitted,
    TaskUsageReported,
)
from contracts.streams import EntryId, shard_of
from contracts.usage import Usage
from infrastructure.log_batches import read_batches
from infrastructure.stream_writer import append_batches
from tests.projectors.side_stories import approval_events, budget_events, detour_events
from tests.roots import new_id
from tests.servers import TEST_SHARDS

__all__ = [
    "Written",
    "agent_story",
    "approval_story",
    "budget_story",
    "carry",
    "envelope_of",
    "interleave",
    "number",
    "task_story",
    "text_message",
    "write",
    "write_tasks",
]

_START = datetime(2026, 11, 22, tzinfo=UTC)
_APPEND = "SELECT * FROM log.append_events($1, $2, $3, $4, $5, $6, $7, $8, $9)"


@dataclass(frozen=True, slots=True)
class Written:
    """One event with its place in its aggregate's life; `root` is the aggregate, unless it `belongs_to` another."""

    event_id: UUID
    root: UUID
    generation: int
    event: Event
    workspace_id: str = "default"
    belongs_to: UUID | None = None


def text_message(text: str, role: Role = Role.AGENT) -> Message:
    return Message(message_id="m-1", role=role, parts=(Part(text=text),))


def number(randomness: Random, root: UUID, events: Iterable[Event], first: int = 1) -> list[Written]:
    return [Written(new_id(randomness), root, at, event) for at, event in enumerate(events, start=first)]


def agent_story(randomness: Random, root: UUID | None = None) -> list[Written]:
    agent_id = root or new_id(randomness)
    card = AgentCard(description="Reads logs")
    registered = AgentRegistered(agent_id=agent_id, name="analyst", card=card, policy=AgentPolicy())
    events = [registered, AgentPaused(reason="maintenance"), AgentResumed()]
    return number(randomness, agent_id, events[: randomness.randint(1, 3)])


def _working(randomness: Random, submitted: TaskSubmitted) -> Iterator[Event]:
    for step in range(randomness.randint(0, 3)):
        yield TaskProgressed(attempt=1, fraction=step / 4, message=text_message(f"step {step}"))
        yield TaskArtifactAppended(
            attempt=1,
            artifact=Artifact(artifact_id="report", parts=(Part(text=f"line {step}\n"),)),
            append=step > 0,
            last_chunk=False,
        )
        yield TaskUsageReported(
            attempt=1,
            usage=Usage(
                input_tokens=10 * step, cost=Decimal("0.01"), model=randomness.choice([None, "small", "large"])
            ),
            agent_id=submitted.agent_id,
            context_id=submitted.context_id,
            report=step + 1,
        )


def task_story(randomness: Random, root: UUID | None = None) -> list[Written]:
    """Return a task from its submission to one of its ends, or to where it is being worked on."""
    task_id = root or new_id(randomness)
    submitted = TaskSubmitted(
        task_id=task_id,
        agent_id=new_id(randomness),
        context_id=f"context-{randomness.randint(1, 5)}",
        message=text_message(f"Please  look\nat {randomness.randint(1, 10**6)}", Role.USER),
        priority=randomness.randint(0, 9),
        max_attempts=3,
        metadata={"size": randomness.randint(1, 10**20), "null": None},
        reference_task_ids=(),
    )
    events: list[Event] = [submitted, TaskStarted(attempt=1, worker="worker-1"), *_working(randomness, submitted)]
    if randomness.random() < 0.2:
        events.append(TaskAttemptStarted(attempt=2, worker="worker-2"))
    events += detour_events(randomness)
    ends: list[list[Event]] = [
        [TaskCompleted(attempt=1, message=text_message("done"))],
        [TaskFailed(attempt=1, code="bad_input", reason="cannot read it", message=None)],
        [TaskCanceled(reason="not needed")],
        [],
    ]
    return number(randomness, task_id, events + randomness.choice(ends))


def approval_story(randomness: Random) -> list[Written]:
    """Return an approval that belongs to some task."""
    approval_id, task_id = new_id(randomness), new_id(randomness)
    story = number(randomness, approval_id, approval_events(approval_id, task_id, randomness))
    return [replace(written, belongs_to=task_id) for written in story]


def budget_story(randomness: Random) -> list[Written]:
    budget_id = new_id(randomness)
    return number(randomness, budget_id, budget_events(budget_id, randomness))


def interleave(randomness: Random, stories: Sequence[list[Written]]) -> list[Written]:
    """Return the events of all stories in a random order that keeps each story's own."""
    turns = [index for index, story in enumerate(stories) for _ in story]
    randomness.shuffle(turns)
    queues = [iter(story) for story in stories]
    return [next(queues[index]) for index in turns]


def envelope_of(written: Written) -> bytes:
    kind = written.event.type.partition(".")[0]
    envelope = Envelope(
        id=written.event_id,
        type=written.event.type,
        subject=f"{kind}/{written.root}",
        time=_START + timedelta(seconds=written.generation),
        partitionkey=written.belongs_to or written.root,
        workspaceid=written.workspace_id,
        aggregateversion=written.generation,
        schemaversion=written.event.schema_version,
        correlationid="correlation",
        causationid="causation",
        traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
        data=written.event.model_dump(mode="json", exclude_none=False),
    )
    return envelope.model_dump_json().encode()


async def write(pool: "asyncpg.Pool[asyncpg.Record]", events: Iterable[Written], *, together: int = 50) -> None:
    """Append events to the log, in their order inside each shard."""
    shards: dict[int, list[Written]] = {}
    for written in events:
        shards.setdefault(shard_of(written.belongs_to or written.root, TEST_SHARDS), []).append(written)
    for shard, members in shards.items():
        for part in batched(members, together):
            await pool.execute(
                _APPEND,
                shard,
                [written.event_id for written in part],
                [written.event.type for written in part],
                part[0].workspace_id,
                [written.event.type.partition(".")[0] for written in part],
                [written.root for written in part],
                [written.generation for written in part],
                [written.belongs_to or written.root for written in part],
                [envelope_of(written) for written in part],
            )


async def write_tasks(pool: "asyncpg.Pool[asyncpg.Record]", randomness: Random, tasks: int) -> int:
    """Write lives of tasks, and of agents, approvals and budgets among them; return how many events these are."""
    stories = [task_story(randomness) for _ in range(tasks)] + [agent_story(randomness)]
    stories += [story(randomness) for story in (approval_story, budget_story) for _ in range(1 + tasks // 10)]
    events = interleave(randomness, stories)
    await write(pool, events)
    return len(events)


async def carry(pool: "asyncpg.Pool[asyncpg.Record]", redis: "Redis", *, shards: int = TEST_SHARDS) -> None:
    """Bring the log onto the streams, as the relay does."""
    positions = dict.fromkeys(range(shards), EntryId(0, 0))
    while positions:
        batches = await read_batches(pool, positions, limit=500, max_bytes=1_000_000)
        await append_batches(redis, batches)
        positions = {batch.shard: batch.last for batch in batches if batch.is_cut}
