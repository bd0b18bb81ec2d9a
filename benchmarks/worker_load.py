"""Workers and submitters over HTTP from a process of their own, as raw requests on keep-alive connections.

`measure_work(plan)` runs it. In the process: a plan as JSON on standard input; in the file that its argument names,
as JSON, when each task was submitted, leased and completed, in seconds on the monotonic clock.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any, cast

import orjson
import uvloop

__all__ = ["WorkPlan", "Worked", "measure_work"]


@dataclass(frozen=True, slots=True)
class WorkPlan:
    """Tasks to submit, and workers that do nothing with them but lease and complete.

    `rate` is submissions a second; None: each submitter submits as soon as it has its answer (sixteen keep twenty
    workers busy, with eight these wait for tasks). `idle_seconds`: instead of all that, the workers wait so long for
    work that does not come.
    """

    port: int
    api_key: str
    agent: str
    tasks: int
    workers: int
    max_tasks: int = 1
    submitters: int = 16
    rate: float | None = None
    idle_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Worked:
    """When each task was submitted (answered), leased and completed."""

    submitted: dict[str, float]
    leased: dict[str, float]
    completed: dict[str, float]
    started: float

    @property
    def rate(self) -> float:
        """Return tasks a second, from the first submission's beginning to the last completion."""
        return len(self.completed) / (max(self.completed.values()) - self.started)

    def waits(self) -> list[float]:
        """Return the seconds from a task's submission to its lease, ascending; 0 where the lease was answered first."""
        return sorted(max(0.0, self.leased[task_id] - at) for task_id, at in self.submitted.items())


async def measure_work(plan: WorkPlan) -> Worked:
    """Do the work from a process of its own; AssertionError where an answer has another status."""
    with tempfile.TemporaryDirectory(prefix="bureau-bench-") as directory:
        told = Path(directory) / "worked.json"
        words = [sys.executable, "-m", "benchmarks.worker_load", str(told)]
        process = await asyncio.create_subprocess_exec(*words, stdin=subprocess.PIPE)
        await process.communicate(json.dumps(asdict(plan)).encode())
        assert process.returncode == 0, "the work could not be done"
        return Worked(**json.loads(told.read_bytes()))


class _Connection(asyncio.Protocol):
    """One keep-alive connection, as lean as a worker in another language: no streams, one callback an answer."""

    def __init__(self, plan: WorkPlan) -> None:
        """Make what every request begins with."""
        self._head = (
            f"HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {plan.api_key}\r\n"
            "content-type: application/json\r\ncontent-length: "
        )
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[dict[str, Any]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Settle the answer once all of it is here; it has a content length."""
        self._received += data
        head, _, content = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not length or len(content) < int(length) or self._answer is None:
            return
        self._received = b""
        if head[9:10] == b"2":
            self._answer.set_result(orjson.loads(content))
        else:
            self._answer.set_exception(AssertionError(content))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())

    async def post(self, path: str, body: bytes, lease_token: str = "") -> dict[str, Any]:
        """Send a command and return its answer; AssertionError where it is none of success."""
        assert self._transport is not None
        token = f"\r\nlease-token: {lease_token}" if lease_token else ""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(f"POST /api/v1{path} {self._head}{len(body)}{token}\r\n\r\n".encode() + body)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        assert self._transport is not None
        self._transport.close()


@asynccontextmanager
async def _connect(plan: WorkPlan) -> AsyncIterator[_Connection]:
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: _Connection(plan), "127.0.0.1", plan.port
    )
    try:
        yield connection
    finally:
        connection.close()


async def _submit(plan: WorkPlan, number: int, worked: Worked) -> None:
    """Submit this submitter's share."""
    message = {"message_id": "m-1", "role": "user", "parts": [{"text": "Which hosts failed in the last hour?"}]}
    body = json.dumps({"agent": plan.agent, "message": message}).encode()
    async with _connect(plan) as connection:
        for index in range(number, plan.tasks, plan.submitters):
            if plan.rate is not None:
                await asyncio.sleep(max(0.0, worked.started + index / plan.rate - monotonic()))
            task_id = (await connection.post("/tasks", body))["task_id"]
            worked.submitted[task_id] = monotonic()


async def _work(plan: WorkPlan, number: int, worked: Worked) -> None:
    """Lease and complete until all is done, each task after the other."""
    wish = {"agents": [plan.agent], "worker": f"worker-{number}", "max_tasks": plan.max_tasks, "wait_seconds": 30}
    body = json.dumps(wish).encode()
    async with _connect(plan) as connection:
        while len(worked.completed) < plan.tasks or plan.idle_seconds:
            leases = (await connection.post("/leases", body))["data"]
            at = monotonic()
            for lease in leases:
                worked.leased[lease["task_id"]] = at
            for lease in leases:
                await connection.post(f"/tasks/{lease['task_id']}/complete", b"{}", lease["lease_token"])
                worked.completed[lease["task_id"]] = monotonic()


async def _run(plan: WorkPlan) -> Worked:
    worked = Worked({}, {}, {}, monotonic() + 0.5)
    workers = [asyncio.create_task(_work(plan, number, worked)) for number in range(plan.workers)]
    # Everybody waits before the first task comes.
    await asyncio.sleep(plan.idle_seconds or 0.5)
    await asyncio.gather(*(_submit(plan, number, worked) for number in range(plan.submitters)))
    while len(worked.completed) < plan.tasks:
        await asyncio.sleep(0.01)
        for worker in workers:
            assert not worker.done() or len(worked.completed) >= plan.tasks, worker.exception()
    for worker in workers:
        worker.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*workers, return_exceptions=True)
    return worked


if __name__ == "__main__":
    done = uvloop.run(_run(WorkPlan(**json.load(sys.stdin))))
    Path(sys.argv[1]).write_text(json.dumps(asdict(done)), encoding="utf-8")
