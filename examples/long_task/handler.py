"""The agent: counts primes in blocks, and hands each block in as an artifact, from which a takeover goes on."""

import asyncio
from math import isqrt

from pydantic import BaseModel

from client import TaskContext, run_in_thread

__all__ = ["Block", "Job", "count_primes"]

_PREFIX = "block-"


class Job(BaseModel):
    """Count the primes below `limit` in so many blocks, each of which lasts `block_seconds` at least."""

    limit: int = 200_000
    blocks: int = 12
    block_seconds: float = 0.5


class Block(BaseModel):
    """The primes from `start` until before `stop`, and which worker counted them in which attempt."""

    start: int
    stop: int
    primes: int
    worker_attempt: int


async def count_primes(task: TaskContext) -> Block:
    """Count what earlier attempts have not counted yet, and return the whole."""
    job = task.read(Job)
    done = await _read_checkpoints(task)
    if done:
        await task.progress(len(done) / job.blocks, f"took over: {len(done)} blocks are counted already")
    for number in range(job.blocks):
        if number in done:
            continue
        bounds = job.limit * number // job.blocks, job.limit * (number + 1) // job.blocks
        primes, _ = await asyncio.gather(run_in_thread(_count, *bounds), asyncio.sleep(job.block_seconds))
        done[number] = Block(start=bounds[0], stop=bounds[1], primes=primes, worker_attempt=task.lease.attempt)
        await task.artifact(done[number], artifact_id=f"{_PREFIX}{number:03}", name=f"Block {number}")
        await task.progress(len(done) / job.blocks, f"block {number} of {job.blocks}")
    primes = sum(block.primes for block in done.values())
    return Block(start=0, stop=job.limit, primes=primes, worker_attempt=task.lease.attempt)


async def _read_checkpoints(task: TaskContext) -> dict[int, Block]:
    """Return the blocks that are handed in, by number."""
    found = await task.read_artifacts() if task.lease.attempt > 1 else ()
    return {
        int(artifact.artifact_id.removeprefix(_PREFIX)): Block.model_validate(artifact.data)
        for artifact in found
        if artifact.artifact_id.startswith(_PREFIX)
    }


def _count(start: int, stop: int) -> int:
    """Return how many primes there are from `start` until before `stop`."""
    return sum(_is_prime(number) for number in range(max(start, 2), stop))


def _is_prime(number: int) -> bool:
    return all(number % divisor for divisor in range(2, isqrt(number) + 1))
