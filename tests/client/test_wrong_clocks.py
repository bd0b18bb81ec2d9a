"""Workers whose clocks are wrong: a lease is a length of time to them, never a moment, so that none is lost."""

import re
from datetime import datetime, timedelta
from functools import partial

import httpx2

from client import BureauClient, TaskContext, TaskState
from infrastructure.clock import now
from tests.client.service import Service, working
from tests.polling import let_pass

MOMENT = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
LEASE_SECONDS, WORK_SECONDS = 2, 5


class ElsewhereInTime(httpx2.AsyncHTTPTransport):
    """Whoever uses it sees all moments that the service tells as one sees them whose clock is wrong by so much."""

    def __init__(self, ahead: timedelta) -> None:
        super().__init__()
        self._ahead = ahead

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await super().handle_async_request(request)
        content = MOMENT.sub(self._shift, await answer.aread())
        kept = [(name, value) for name, value in answer.headers.items() if name not in {"content-length", "date"}]
        return httpx2.Response(answer.status_code, headers=kept, content=content)

    def _shift(self, found: re.Match[bytes]) -> bytes:
        return (datetime.fromisoformat(found[0].decode()) - self._ahead).isoformat().encode()


async def test_workers_whose_clocks_are_a_day_off_keep_their_leases_and_do_each_task_once(service: Service) -> None:
    bureau, seen = service.client, list[timedelta]()

    async def work(task: TaskContext) -> str:
        seen.append(task.lease.lease_expires_at - now())
        await let_pass(WORK_SECONDS)
        return "done"

    await bureau.register_agent("a")
    clients = [
        BureauClient(service.command_url, service.api_key, transport=partial(ElsewhereInTime, timedelta(days=days)))
        for days in (-1, 1)
    ]
    async with (
        clients[0] as behind,
        clients[1] as ahead,
        working(behind, work, lease_seconds=LEASE_SECONDS),
        working(ahead, work, lease_seconds=LEASE_SECONDS),
    ):
        submitted = [await bureau.submit_task("a", "go") for _ in clients]
        tasks = [await bureau.wait_for_task(each.task_id) for each in submitted]

    assert [task.status.state for task in tasks] == [TaskState.COMPLETED] * 2
    for each in submitted:
        types = [entry.type async for entry in bureau.iterate_timeline(each.task_id)]
        assert types == ["task.submitted", "task.started", "task.completed"]
    assert sorted(round(each / timedelta(days=1)) for each in seen) == [-1, 1]
