"""The story: a worker begins, is killed in the middle, and another one brings the task to its end."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from client import AgentPolicy, AgentRetryPolicy, BureauClient, TaskDetail, data_part
from examples.connecting import register, unique_name
from examples.long_task.handler import Block, Job

__all__ = ["POLICY", "blocks_of", "play"]

POLICY = AgentPolicy(lease_seconds=2, max_attempts=5, retry=AgentRetryPolicy(base_seconds=0.2))
_BLOCKS_BEFORE_THE_KILL = 3


async def play(client: BureauClient, job: Job, tell: Callable[[str], None]) -> TaskDetail:
    """Start a worker, kill it with SIGKILL after three blocks, start another; return the task at its end.

    The workers are processes of their own, which find the service in the environment.
    """
    agent = unique_name("counter")
    await register(client, agent, "Counts primes, whatever happens.", POLICY)
    receipt = await client.submit_task(agent, [data_part(job)])
    async with _worker(agent, tell) as first:
        await _wait_for_blocks(client, receipt.task_id, tell)
        first.kill()
        await first.wait()
        tell(f"killed the worker {first.pid} with SIGKILL")
    async with _worker(agent, tell):
        async for entry in client.follow(receipt.task_id):
            if entry.type in {"task.attempt_failed", "task.attempt_started", "task.completed", "task.failed"}:
                told = {name: entry.data[name] for name in ("attempt", "code", "worker") if name in entry.data}
                tell(f"{entry.type} {told}")
        return await client.wait_for_task(receipt.task_id)


def blocks_of(task: TaskDetail) -> list[Block]:
    """Return the blocks that a task's artifacts hold, in order."""
    blocks = [Block.model_validate(artifact.data) for artifact in task.artifacts]
    return sorted(blocks, key=lambda block: block.start)


@asynccontextmanager
async def _worker(agent: str, tell: Callable[[str], None]) -> AsyncIterator[Process]:
    """Run a worker as a process; at the end it is asked to stop, if it still runs."""
    command = (sys.executable, "-m", "examples.long_task", "--agent", agent, "work")
    process = await asyncio.create_subprocess_exec(*command, env=dict(os.environ))
    tell(f"started the worker {process.pid}")
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _wait_for_blocks(client: BureauClient, task_id: UUID, tell: Callable[[str], None]) -> None:
    """Return when enough blocks are handed in."""
    blocks = 0
    async for entry in client.follow(task_id):
        if entry.type != "task.artifact_appended":
            continue
        blocks += 1
        tell(f"block {blocks} is handed in")
        if blocks == _BLOCKS_BEFORE_THE_KILL:
            return
