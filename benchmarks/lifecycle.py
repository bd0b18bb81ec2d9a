"""Submit → lease → complete over HTTP, with relay, projectors and queries running: tasks a second, and the wait.

Then what a worker costs that waits and gets nothing. With `--peers` other task queues carry as many tasks that do
nothing through the same PostgreSQL, each in the way that its own documentation shows; they run in an environment of
their own, made for it. Run alone: `python -m benchmarks lifecycle --peers`.
"""

import asyncio
from contextlib import AsyncExitStack
from statistics import quantiles
from typing import Final, NamedTuple

import asyncpg

from benchmarks.commands import AGENT_NAME, register_agent
from benchmarks.peer_environment import beside_peers
from benchmarks.peers import run_peers
from benchmarks.processes import Addresses, Running, make_api_key, run_role
from benchmarks.report import Result
from benchmarks.worker_load import Worked, WorkPlan, measure_work

__all__ = ["run"]

_ROLES: Final = ("command-api", "relay", "projectors", "query-api")
_SHAPES: Final = ((1, 1), (20, 1), (20, 10), (200, 1))
_SETTLING_SECONDS: Final = 1.5  # until the rest of the line is through, and the database has counted it
_CALLS: Final = "transactions"
_TRANSACTIONS: Final = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
_BACKENDS: Final = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


class _Line(NamedTuple):
    """What is measured."""

    command: Running
    others: list[Running]
    plan: WorkPlan
    database: "asyncpg.Connection[asyncpg.Record]"


async def run(servers: Addresses, *, is_quick: bool = False, has_peers: bool = False) -> list[Result]:
    """Measure; the database must be empty."""
    tasks, seconds = (600, 4.0) if is_quick else (4000, 15.0)
    async with AsyncExitStack() as stack:
        command, *others = [await stack.enter_async_context(run_role(role, servers)) for role in _ROLES]
        api_key = await make_api_key(servers.database_url)
        await register_agent(command.port, api_key)
        database = await asyncpg.connect(servers.database_url)
        stack.push_async_callback(database.close)
        line = _Line(command, others, WorkPlan(command.port, api_key, AGENT_NAME, tasks, 1), database)
        # Only to warm up.
        await measure_work(_plan(line, tasks=200, workers=20))
        results = [await _throughput(line, *shape) for shape in _SHAPES]
        for workers in (1, 20, 200):
            results += await _latency(line, workers, 100 if is_quick else 500)
        results += [await _idle(line, workers, seconds) for workers in (0, 200)]
    if not has_peers:
        return results
    best = max(result.value for result in results[: len(_SHAPES)])
    return await beside_peers(results, run_peers(servers, best, tasks))


def _plan(line: _Line, **changes: float | None) -> WorkPlan:
    """Return the plan with changes."""
    return WorkPlan(**{**{name: getattr(line.plan, name) for name in WorkPlan.__slots__}, **changes})


async def _throughput(line: _Line, workers: int, max_tasks: int) -> Result:
    """Submit as fast as it goes while the workers work."""
    before = await _costs(line)
    worked = await measure_work(_plan(line, workers=workers, max_tasks=max_tasks))
    await asyncio.sleep(_SETTLING_SECONDS)
    costs = {name: cost - before[name] for name, cost in (await _costs(line)).items()}
    calls = costs.pop(_CALLS) / len(worked.completed)
    each = ", ".join(f"{name} {cost * 1000 / len(worked.completed):.2f} ms" for name, cost in costs.items())
    note = f"CPU a task: {each}; {calls:.1f} transactions a task"
    return Result(f"{workers} workers, {max_tasks} a lease", worked.rate, "tasks/s", note=note)


async def _costs(line: _Line) -> dict[str, float]:
    """Return the processor time of each process in seconds, and how many transactions the database has carried out."""
    roles = zip(_ROLES, (line.command, *line.others), strict=True)
    return {
        **{role: process.cpu_seconds() for role, process in roles},
        "PostgreSQL": await _database_cpu(line),
        _CALLS: await line.database.fetchval(_TRANSACTIONS),
    }


async def _latency(line: _Line, workers: int, tasks: int) -> list[Result]:
    """Submit thirty tasks a second to workers that wait."""
    worked: Worked = await measure_work(_plan(line, workers=workers, tasks=tasks, rate=30.0, submitters=1))
    cuts = quantiles(worked.waits(), n=100, method="inclusive")
    return [
        Result(f"ready → leased, {workers} workers wait, {name}", cuts[share - 1] * 1000, "ms")
        for name, share in (("p50", 50), ("p99", 99))
    ]


async def _idle(line: _Line, workers: int, seconds: float) -> Result:
    """Let workers wait for work that does not come."""
    waiting = asyncio.create_task(measure_work(_plan(line, workers=workers, tasks=0, idle_seconds=seconds + 6)))
    await asyncio.sleep(3)
    api, backends = line.command.cpu_seconds(), await _database_cpu(line)
    await asyncio.sleep(seconds)
    api, backends = line.command.cpu_seconds() - api, await _database_cpu(line) - backends
    await waiting
    note = f"of a core; command API {api / seconds:.1%}, PostgreSQL {backends / seconds:.1%}"
    return Result(f"{workers} workers wait for nothing", (api + backends) / seconds * 100, "%", note=note)


async def _database_cpu(line: _Line) -> float:
    """Return the processor time that the database's sessions of the service have used."""
    return sum(Running(row["pid"], 0).cpu_seconds() for row in await line.database.fetch(_BACKENDS))
