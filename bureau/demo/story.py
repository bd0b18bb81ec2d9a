"""The demonstration itself, over the public HTTP API: register, submit, follow, read, compare."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import NamedTuple
from uuid import UUID

from bureau.demo.agreement import Agreement, check_agreement
from bureau.demo.hops import Hop, measure_hops
from bureau.errors import CommandFailedError
from bureau.local.line_status import read_shards
from client.client import BureauClient
from client.content import TaskState, file_part
from client.errors import BureauError
from client.records import TaskDetail, TaskReceipt, TaskTimelineEntry
from infrastructure.event_log import read_heads
from infrastructure.line_positions import read_stream_heads
from infrastructure.line_watch import watch_line
from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import RedisClient, open_redis

__all__ = ["AGENT_NAME", "DemoInput", "DemoResult", "follow_story", "register_agent", "retire_agent"]

AGENT_NAME = "log-analyst"
_TASK_SECONDS, _SETTLE_SECONDS, _WARM_UP_ROUNDS = 120.0, 10.0, 3

type OnEntry = Callable[[TaskTimelineEntry], None]


class DemoInput(NamedTuple):
    """What the demonstration needs to know of a running service, and the log that is given to the agent.

    `is_own_agent` says that nobody else uses the agent, so that the demonstration may pause it to warm up.
    """

    command_url: str
    query_url: str
    api_key: str
    database_url: str
    redis_url: str
    agent_name: str
    is_own_agent: bool
    log_name: str
    log: bytes


class DemoResult(NamedTuple):
    """What came of it."""

    task: TaskDetail
    hops: tuple[Hop, ...]
    agreement: Agreement


async def register_agent(given: DemoInput) -> None:
    """Register the agent whose worker will do the task, and read it back."""
    async with BureauClient(given.command_url, given.api_key, given.query_url) as client:
        receipt = await client.register_agent(given.agent_name)
        await client.get_agent(receipt.agent_id)


async def retire_agent(given: DemoInput) -> None:
    """Take the demonstration's own agent out of service; what is out of reach is left as it is."""
    with suppress(BureauError):
        async with BureauClient(given.command_url, given.api_key, given.query_url) as client:
            async for agent in client.iterate_agents(status="active"):
                if agent.name == given.agent_name:
                    await client.retire_agent(agent.agent_id, reason="the demonstration is over")


async def follow_story(given: DemoInput, on_entry: OnEntry) -> DemoResult:
    """Submit the task, follow it to its end, and compare log, streams and read model.

    Raises CommandFailedError when the task does not end well or anything differs.
    """
    async with AsyncExitStack() as resources:
        client = await resources.enter_async_context(BureauClient(given.command_url, given.api_key, given.query_url))
        pool = await open_pool(given.database_url, size=2, application_name="bureau demo")
        resources.push_async_callback(pool.close)
        redis = open_redis(given.redis_url)
        resources.push_async_callback(redis.aclose)
        before = await read_heads(pool)
        hops, task_id = await _submit(given, client, pool, redis)
        async with asyncio.timeout(_TASK_SECONDS):
            timeline = [_noticed(entry, on_entry) async for entry in client.follow(task_id)]
            task = await client.wait_for_task(task_id)
        _require_completed(task)
        await _settle(pool, redis)
        return DemoResult(task, hops, await check_agreement(pool, redis, task, timeline, before))


async def _submit(
    given: DemoInput, client: BureauClient, pool: Pool, redis: RedisClient
) -> tuple[tuple[Hop, ...], UUID]:
    receipts: list[TaskReceipt] = []

    async def submit() -> str:
        log = file_part(given.log, filename=given.log_name, media_type="text/plain")
        receipts.append(await client.submit_task(given.agent_name, log))
        return receipts[0].consistency or ""  # of this command alone: the client's own token is of all its commands

    await _warm_up(client, given)
    heads = await read_stream_heads(redis, sorted(await read_heads(pool)))
    async with watch_line(redis, heads) as watch:
        hops = await measure_hops(watch, submit, lambda: client.get_task(receipts[0].task_id))
    return hops, receipts[0].task_id


async def _warm_up(client: BureauClient, given: DemoInput) -> None:
    """The first commands after a start open connections and fill caches: they are not what the table is about."""
    found = [agent async for agent in client.iterate_agents(status="active") if agent.name == given.agent_name]
    if not found:
        message = f"no active agent {given.agent_name}: start its worker (python -m examples.log_analyst)"
        raise CommandFailedError(message)
    for _ in range(_WARM_UP_ROUNDS):
        if given.is_own_agent:
            await client.pause_agent(found[0].agent_id, reason="warming up")
            await client.resume_agent(found[0].agent_id)
        await client.get_agent(found[0].agent_id)
    await client.list_tasks()


def _noticed(entry: TaskTimelineEntry, on_entry: OnEntry) -> TaskTimelineEntry:
    on_entry(entry)
    return entry


def _require_completed(task: TaskDetail) -> None:
    if task.status.state == TaskState.COMPLETED:
        return
    reason = f": {task.failure.code}, {task.failure.reason}" if task.failure else ""
    message = f"the task ended as {task.status.state}{reason}"
    raise CommandFailedError(message)


async def _settle(pool: Pool, redis: RedisClient) -> None:
    for shard in await read_shards(pool, redis, patience_seconds=_SETTLE_SECONDS):
        if shard.lag:
            message = f"shard {shard.shard} still lags by {shard.lag} events after {_SETTLE_SECONDS:g} s"
            raise CommandFailedError(message)
