"""Workers that wait are told at once of whatever may bring them work, and of nothing else."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from infrastructure.ready_notices import open_ready_notices
from infrastructure.redis_client import open_redis
from tests.command_api.scenario import (
    API,
    AT_ONCE,
    lease_one,
    register_agent,
    replace_ports,
    submit_task,
    user_message,
    work_on,
)
from tests.polling import poll_until

type Step = Callable[[httpx2.AsyncClient, dict[str, Any]], Awaitable[httpx2.Response]]

FAILURE = {"code": "c", "reason": "r", "retryable": True}
QUESTION = {"message": {"message_id": "q", "role": "agent", "parts": [{"text": "?"}]}}


def at_work(verb: str, body: dict[str, Any] | None = None) -> Step:
    return lambda client, lease: work_on(client, lease, verb, body)


async def cancel(client: httpx2.AsyncClient, lease: dict[str, Any]) -> httpx2.Response:
    return await client.post(f"{API}/tasks/{lease['task_id']}/cancel")


async def submit(client: httpx2.AsyncClient, _lease: dict[str, Any]) -> httpx2.Response:
    return await client.post(f"{API}/tasks", json={"agent": "analyst", "message": user_message()})


async def submit_for_later(client: httpx2.AsyncClient, _lease: dict[str, Any]) -> httpx2.Response:
    body = {"agent": "analyst", "message": user_message(), "not_before": "2199-01-01T00:00:00Z"}
    return await client.post(f"{API}/tasks", json=body)


async def pause(client: httpx2.AsyncClient, lease: dict[str, Any]) -> httpx2.Response:
    return await client.post(f"{API}/agents/{lease['agent_id']}/pause")


STEPS: dict[str, tuple[Step, bool, bool]] = {
    "complete": (at_work("complete"), False, True),
    "reject": (at_work("reject", {"reason": "r"}), False, True),
    "ask": (at_work("request-input", QUESTION), False, True),
    "cancel": (cancel, False, True),
    "fail, to be tried at once": (at_work("fail", FAILURE), True, True),
    "heartbeat": (at_work("heartbeat"), False, False),
    "progress": (at_work("progress", {"fraction": 0.5}), False, False),
    "submit": (submit, True, True),
    "submit for later": (submit_for_later, False, False),
    "pause": (pause, True, True),
}
"""By name: the step, and whether it may bring work to an agent without and with a limit of concurrent tasks."""


@pytest.mark.parametrize("limit", [None, 1])
@pytest.mark.parametrize("name", STEPS)
async def test_what_may_bring_work_is_announced(
    command_client: httpx2.AsyncClient, application: FastAPI, name: str, limit: int | None
) -> None:
    step, *expected = STEPS[name]
    await register_agent(command_client, policy={"max_concurrent_tasks": limit, "retry": AT_ONCE})
    await submit_task(command_client)
    lease = await lease_one(command_client)
    announced: list[str] = []

    def announce() -> None:
        announced.append(name)

    replace_ports(application, announce_work=announce)

    assert (await step(command_client, lease)).is_success

    assert bool(announced) == expected[limit is not None]


async def test_a_notice_is_heard_here_at_once_and_by_others_through_redis(redis_url: str) -> None:
    here, there = list[str](), list[str]()
    first, second = open_redis(redis_url), open_redis(redis_url)
    async with (
        open_ready_notices(first, lambda: here.append("notice")) as announce,
        open_ready_notices(second, lambda: there.append("notice")),
    ):
        # Both have subscribed: each says so to itself.
        await poll_until(lambda: here and there)
        before, there_before = len(here), len(there)

        announce()

        assert len(here) == before + 1
        await poll_until(lambda: len(there) > there_before)
    assert len(here) == before + 1
    await first.aclose()
    await second.aclose()
