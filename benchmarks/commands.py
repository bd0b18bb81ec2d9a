"""How many commands a second the command API takes over HTTP, beside bare endpoints that send the same statements.

All processes run at once and are loaded in turn, window by window, so that the machine's moods hit each alike.
Then a minute under a snapshot that an unrelated transaction holds. Run alone: `python -m benchmarks commands`.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import chain
from statistics import median
from typing import Final

import asyncpg
import httpx2

from benchmarks.load import Load, Measured, measure_load
from benchmarks.processes import Addresses, make_api_key, run_process, run_role
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


async def run(servers: Addresses, *, is_quick: bool = False) -> list[Result]:
    """Measure; the database must be empty."""
    rounds, seconds, held_seconds = (3, 1.0, 4.0) if is_quick else (7, 3.0, 60.0)
    async with AsyncExitStack() as processes:
        command_port = await processes.enter_async_context(run_role("command-api", servers))
        api_key = await make_api_key(servers.database_url)
        agent_id = await register_agent(command_port, api_key)
        floor_port = find_free_port()
        words = ("-m", "benchmarks.command_floor", str(floor_port), servers.database_url, agent_id)
        await processes.enter_async_context(run_process(*words, port=floor_port))
        ours = task_load(command_port, api_key, "{window}", seconds)
        bare = [Load(floor_port, path, {}, _BODY, seconds) for path in ("/save", "/load-and-save")]
        windows = await _alternate({"ours": ours, "save": bare[0], "both": bare[1]}, rounds)
        held = await _measure_under_snapshot(servers.database_url, ours, held_seconds)
    results = [_beside(windows, "save", "its save"), _beside(windows, "both", "its load and save")]
    return [*results, *(_alone(windows[name], label) for name, label in _FLOORS.items()), held]


_FLOORS: Final = {"save": "bare endpoint, save", "both": "bare endpoint, load and save"}


def _in_window(load: Load, window: str) -> Load:
    """Return the load with keys that no other window has."""
    headers = {name: value.replace("{window}", window) for name, value in load.headers.items()}
    return Load(load.port, load.path, headers, load.body, load.seconds, load.connections, load.expected_status)


async def _alternate(loads: Mapping[str, Load], rounds: int) -> dict[str, list[Measured]]:
    """Measure each load in each round, after one round that only warms up."""
    windows: dict[str, list[Measured]] = {name: [] for name in loads}
    for number in range(rounds + 1):
        for name, load in loads.items():
            windows[name].append(await measure_load(_in_window(load, f"{name}-{number}")))
    return {name: measured[1:] for name, measured in windows.items()}


def _times(windows: Sequence[Measured]) -> str:
    """Return p50 and p99 over all windows, in words."""
    latencies = sorted(chain.from_iterable(window.latencies for window in windows))
    together = Measured(0, latencies)
    return f"p50 {together.quantile(0.5):.1f} ms, p99 {together.quantile(0.99):.1f} ms"


def _beside(windows: Mapping[str, Sequence[Measured]], floor: str, label: str) -> Result:
    """Return the service's rate beside a floor; the ratio is the median of the rounds' ratios."""
    ratio = median(ours.rate / bare.rate for ours, bare in zip(windows["ours"], windows[floor], strict=True))
    rate, bare_rate = (median(window.rate for window in windows[name]) for name in ("ours", floor))
    note = f"16 connections, {_times(windows['ours'])}"
    return Result(f"submit a task / {label}", rate, "commands/s", bare_rate, ratio, note)


def _alone(windows: Sequence[Measured], label: str) -> Result:
    return Result(label, median(window.rate for window in windows), "requests/s", note=_times(windows))


async def _measure_under_snapshot(database_url: str, load: Load, seconds: float) -> Result:
    """Compare the last window under a held snapshot with one before it and one after it."""
    free = [await measure_load(_in_window(load, "free-before"))]
    holder = await asyncpg.connect(database_url)
    async with holder.transaction(isolation="repeatable_read"):
        await holder.fetchval("SELECT count(*) FROM write.aggregates")
        count = max(2, round(seconds / load.seconds))
        held = [await measure_load(_in_window(load, f"held-{number}")) for number in range(count)]
    await holder.close()
    free.append(await measure_load(_in_window(load, "free-after")))
    last = median(window.rate for window in held[-max(1, count // 3) :])
    floor = median(window.rate for window in free)
    note = f"last third of {count * load.seconds:g} s; the floor is without it"
    return Result("submit a task while a snapshot is held", last, "commands/s", floor, last / floor, note)
