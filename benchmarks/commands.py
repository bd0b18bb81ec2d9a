"""How many commands a second the command API takes over HTTP, beside bare endpoints that send the same statements.

All processes run at once and are loaded in turn, window by window, so that the machine's moods hit each alike.
Then a minute under a snapshot that an unrelated transaction holds. Run alone: `python -m benchmarks commands`.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import chain
from statistics import median
from typing import Final, NamedTuple

import asyncpg
import httpx2

from benchmarks.load import Load, Measured, measure_load
from benchmarks.processes import Addresses, Running, make_api_key, run_process, run_role
from benchmarks.report import Result
from bureau.embedded import find_free_port

__all__ = ["AGENT_NAME", "register_agent", "run", "task_load"]

AGENT_NAME: Final = "bench"
_MESSAGE: Final = {"message_id": "m-1", "role": "user", "parts": [{"text": "Which hosts failed in the last hour?"}]}
_BODY: Final = json.dumps({"agent": AGENT_NAME, "message": _MESSAGE})


async def register_agent(port: int, api_key: str) -> str:
    """Register the agent that tasks are submitted to and return its id."""
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {api_key}"}) as client:
        answer = await client.post(f"http://127.0.0.1:{port}/api/v1/agents", json={"name": AGENT_NAME})
    agent_id: str = answer.raise_for_status().json()["agent_id"]
    return agent_id


def task_load(port: int, api_key: str, window: str, seconds: float) -> Load:
    """Return the load of submitting tasks, each under an idempotency key of its own; `window` is never the same."""
    headers = {
        "authorization": f"Bearer {api_key}",
        "content-type": "application/json",
        "idempotency-key": f'"{window}-{{number}}"',
    }
    return Load(port=port, path="/api/v1/tasks", headers=headers, body=_BODY, seconds=seconds)


class _Target(NamedTuple):
    load: Load
    process: Running


class _Window(NamedTuple):
    measured: Measured
    cpu_seconds: float

    @property
    def rate(self) -> float:
        return self.measured.rate


async def run(servers: Addresses, *, is_quick: bool = False) -> list[Result]:
    """Measure; the database must be empty."""
    rounds, seconds, held_seconds = (3, 1.0, 4.0) if is_quick else (7, 3.0, 60.0)
    async with AsyncExitStack() as processes:
        service = await processes.enter_async_context(run_role("command-api", servers))
        api_key = await make_api_key(servers.database_url)
        agent_id = await register_agent(service.port, api_key)
        floor_port = find_free_port()
        words = ("-m", "benchmarks.command_floor", str(floor_port), servers.database_url, agent_id)
        bare = await processes.enter_async_context(run_process(*words, port=floor_port))
        ours = _Target(task_load(service.port, api_key, "{window}", seconds), service)
        save, both = (Load(bare.port, path, {}, _BODY, seconds) for path in ("/save", "/load-and-save"))
        targets = {"ours": ours, "save": _Target(save, bare), "both": _Target(both, bare)}
        windows = await _alternate(targets, rounds)
        held = await _measure_under_snapshot(servers.database_url, ours, held_seconds)
    results = [_beside(windows, "save", "its save"), _beside(windows, "both", "its load and save")]
    return [*results, *(_alone(windows[name], label) for name, label in _FLOORS.items()), held]


_FLOORS: Final = {"save": "bare endpoint, save", "both": "bare endpoint, load and save"}


async def _measure(target: _Target, window: str) -> _Window:
    """Load a process for one window, with keys that no other window has."""
    headers = {name: value.replace("{window}", window) for name, value in target.load.headers.items()}
    before = target.process.cpu_seconds()
    measured = await measure_load(replace(target.load, headers=headers))
    return _Window(measured, target.process.cpu_seconds() - before)


async def _alternate(targets: Mapping[str, _Target], rounds: int) -> dict[str, list[_Window]]:
    """Measure each target in each round, after one round that only warms up."""
    windows: dict[str, list[_Window]] = {name: [] for name in targets}
    for number in range(rounds + 1):
        for name, target in targets.items():
            windows[name].append(await _measure(target, f"{name}-{number}"))
    return {name: measured[1:] for name, measured in windows.items()}


def _costs(windows: Sequence[_Window]) -> str:
    """Return p50 and p99 over all windows and the processor time a request, in words."""
    latencies = sorted(chain.from_iterable(window.measured.latencies for window in windows))
    together = Measured(0, latencies)
    cpu = sum(window.cpu_seconds for window in windows) / len(latencies) * 1_000_000
    return f"p50 {together.quantile(0.5):.1f} ms, p99 {together.quantile(0.99):.1f} ms, {cpu:.0f} µs CPU a request"


def _beside(windows: Mapping[str, Sequence[_Window]], floor: str, label: str) -> Result:
    """Return the service's rate beside a floor; the ratio is the median of the rounds' ratios."""
    ratio = median(ours.rate / bare.rate for ours, bare in zip(windows["ours"], windows[floor], strict=True))
    rate, bare_rate = (median(window.rate for window in windows[name]) for name in ("ours", floor))
    return Result(f"submit a task / {label}", rate, "commands/s", bare_rate, ratio, _costs(windows["ours"]))


def _alone(windows: Sequence[_Window], label: str) -> Result:
    return Result(label, median(window.rate for window in windows), "requests/s", note=_costs(windows))


async def _measure_under_snapshot(database_url: str, target: _Target, seconds: float) -> Result:
    """Compare the last windows under a held snapshot with one before it and one after it."""
    free = [await _measure(target, "free-before")]
    holder = await asyncpg.connect(database_url)
    async with holder.transaction(isolation="repeatable_read"):
        await holder.fetchval("SELECT count(*) FROM write.aggregates")
        count = max(2, round(seconds / target.load.seconds))
        held = [await _measure(target, f"held-{number}") for number in range(count)]
    await holder.close()
    free.append(await _measure(target, "free-after"))
    last = median(window.rate for window in held[-max(1, count // 3) :])
    floor = median(window.rate for window in free)
    note = f"the last third of {count * target.load.seconds:g} s; the floor is without it"
    return Result("submit a task under a held snapshot", last, "commands/s", floor, last / floor, note)
