"""Rows of the read models as projectors write them, and a client of the query API beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from fastapi import FastAPI
from httpx2 import AsyncClient, Response

from contracts.a2a import AgentCard, Artifact, Message, Part, Role, TaskState
from contracts.agents import AgentPolicy, AgentStatus
from contracts.streams import EntryId, shard_of
from contracts.usage import UsageTotal
from contracts.views import AgentDetail, AgentSummary, TaskDetail, TaskStatus, TaskSummary, TaskTimelineEntry
from infrastructure.applied_positions import AppliedPositions
from infrastructure.cache_notices import announce_applied
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from tests.polling import poll_until
from tests.servers import TEST_SHARDS

__all__ = [
    "OTHER_WORKSPACE",
    "START",
    "WORKSPACE",
    "World",
    "add_agent",
    "add_chunk",
    "add_message",
    "add_task",
    "add_timeline",
    "announce",
    "id_of",
    "move_checkpoint",
    "positions_of",
    "put_task_detail",
    "shard_for",
    "tell",
]

WORKSPACE, OTHER_WORKSPACE = "here", "elsewhere"
START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
_NAMESPACE = UUID(int=7)


@dataclass(frozen=True, slots=True)
class World:
    """The application, a client of it with a key for WORKSPACE, and the servers below."""

    application: FastAPI
    client: AsyncClient
    pool: Pool
    redis: RedisClient

    async def get(self, path: str, headers: Mapping[str, str] | None = None, **parameters: str | int) -> Response:
        return await self.client.get(f"/api/v1{path}", headers=headers, params=parameters)

    async def find(self, path: str, parameters: Mapping[str, str | int]) -> Response:
        return await self.client.get(f"/api/v1{path}", params=parameters)


def positions_of(world: World) -> AppliedPositions:
    """What the application knows of the checkpoints."""
    positions: AppliedPositions = world.application.state.query_dependencies.wait_until_applied.args[0]
    return positions


def id_of(name: str) -> UUID:
    return uuid5(_NAMESPACE, name)


def shard_for(name: str) -> int:
    return shard_of(id_of(name), TEST_SHARDS)


async def add_agent(pool: Pool, name: str, *, workspace: str = WORKSPACE, status: str = "active") -> AgentDetail:
    summary = AgentSummary(
        agent_id=id_of(name),
        name=name,
        description="",
        status=AgentStatus(status),
        skills=(),
        generation=1,
        registered_at=START,
        updated_at=START,
    )
    detail = AgentDetail(
        agent_id=id_of(name),
        workspace_id=workspace,
        name=name,
        status=AgentStatus(status),
        status_reason=None,
        card=AgentCard(),
        policy=AgentPolicy(),
        generation=1,
        registered_at=START,
        updated_at=START,
    )
    await pool.execute(
        "INSERT INTO read.agent_list VALUES ($1, $2, $3, $4, $5)",
        id_of(name), workspace, name, status, summary.model_dump_json().encode(),
    )  # fmt: skip
    await pool.execute(
        "INSERT INTO read.agent_detail VALUES ($1, $2, 1, $3)",
        id_of(name),
        workspace,
        detail.model_dump_json().encode(),
    )
    return detail


async def add_task(
    pool: Pool, name: str, age: int = 0, state: str = "submitted", context: str = "c", workspace: str = WORKSPACE
) -> TaskSummary:
    """`age` in microseconds before START."""
    submitted_at = START - timedelta(microseconds=age)
    summary = TaskSummary(
        task_id=id_of(name),
        context_id=context,
        agent_id=id_of("agent"),
        state=TaskState(state),
        title=name,
        priority=5,
        attempt=1,
        progress=None,
        generation=1,
        submitted_at=submitted_at,
        updated_at=submitted_at,
        finished_at=None,
    )
    await pool.execute(
        "INSERT INTO read.task_list VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id_of(name), workspace, id_of("agent"), context, state, submitted_at, summary.model_dump_json().encode(),
    )  # fmt: skip
    return summary


async def put_task_detail(pool: Pool, name: str, generation: int = 1, workspace: str = WORKSPACE) -> TaskDetail:
    detail = TaskDetail(
        task_id=id_of(name),
        workspace_id=workspace,
        context_id="c",
        agent_id=id_of("agent"),
        status=TaskStatus(state=TaskState.WORKING, message=None, timestamp=START),
        priority=5,
        attempt=1,
        max_attempts=3,
        worker=None,
        progress=None,
        failure=None,
        cancel_reason=None,
        usage=UsageTotal(),
        metadata={"note": "…"},
        reference_task_ids=(),
        generation=generation,
        submitted_at=START,
        updated_at=START,
        finished_at=None,
    )
    await pool.execute(
        "INSERT INTO read.task_detail VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (task_id) DO UPDATE SET generation = excluded.generation, body = excluded.body",
        id_of(name), workspace, generation, detail.model_dump_json().encode(),
    )  # fmt: skip
    return detail


async def add_message(pool: Pool, name: str, generation: int, text: str) -> None:
    message = Message(message_id=f"m{generation}", role=Role.USER, parts=(Part(text=text),))
    await pool.execute(
        "INSERT INTO read.task_messages VALUES ($1, $2, $3, $4)",
        id_of(name), generation, WORKSPACE, message.model_dump_json(exclude_none=True).encode(),
    )  # fmt: skip


async def add_chunk(pool: Pool, name: str, generation: int, artifact: Artifact, *, append: bool = False) -> None:
    await pool.execute(
        "INSERT INTO read.task_artifact_chunks VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id_of(name), generation, WORKSPACE, artifact.artifact_id, append, not append,
        artifact.model_dump_json(exclude_none=True).encode(),
    )  # fmt: skip


async def add_timeline(pool: Pool, name: str, generations: Sequence[int], workspace: str = WORKSPACE) -> None:
    for generation in generations:
        entry = TaskTimelineEntry(
            task_id=id_of(name),
            generation=generation,
            event_id=id_of(f"{name}/{generation}"),
            type="task.progressed",
            time=START,
            data={"fraction": 0.5},
        )
        await pool.execute(
            "INSERT INTO read.task_timeline VALUES ($1, $2, $3, $4)",
            id_of(name), generation, workspace, entry.model_dump_json().encode(),
        )  # fmt: skip


async def move_checkpoint(pool: Pool, projection: str, shard: int, position: int, epoch: int = 1) -> None:
    """What a projector commits; nobody is told."""
    await pool.execute(
        "INSERT INTO read.checkpoints VALUES ($1, 1, $2, $3, $4) ON CONFLICT (projection, version, shard)"
        " DO UPDATE SET epoch = excluded.epoch, position = excluded.position",
        projection, shard, epoch, position,
    )  # fmt: skip


async def announce(redis: RedisClient, projection: str, shard: int, position: int, tags: Sequence[str] = ()) -> None:
    """What a projector tells after its commit; stamps are never used twice."""
    stamps = dict.fromkeys(tags, f"{projection}.{shard}.{position}")
    await announce_applied(redis, stamps, {(projection, shard): EntryId(1, position)})


async def tell(world: World, projection: str, shard: int, position: int, tags: Sequence[str] = ()) -> None:
    """What a projector does in the end: commit, then forget and publish. Returns when the query API has heard."""
    await move_checkpoint(world.pool, projection, shard, position)
    await announce(world.redis, projection, shard, position, tags)
    positions = positions_of(world)
    await poll_until(
        lambda: positions.known.get((projection, shard), EntryId(0, 0)).position >= position, what="the notice is heard"
    )
