"""The client and the log analyst against the real line: both APIs, relay and projectors on real servers."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from uuid import UUID

import pytest

from client import (
    AgentCard,
    AgentNameTakenError,
    AgentSkill,
    AuthenticationError,
    BureauClient,
    InvalidRequestError,
    LeaseLostError,
    NotFoundError,
    TaskContext,
    TaskState,
    Worker,
    WrongStateError,
    agent_message,
    file_part,
    user_message,
)
from infrastructure.api_keys import new_api_key
from tests.client.service import Service
from tests.polling import poll_until

LOG = b'h - - [22/Nov/2026:01:00:00 +0000] "GET /a HTTP/1.1" 200 1 "-" "-" 0.020\r\n' * 50 + b"noise\n"


async def test_a_client_reads_its_own_writes_about_agents(bureau: BureauClient) -> None:
    card = AgentCard(description="Says hello.", skills=(AgentSkill(id="greet", name="Greet"),))
    receipt = await bureau.register_agent("greeter", card=card)
    with pytest.raises(AgentNameTakenError):
        await bureau.register_agent("greeter")
    assert (await bureau.get_agent(receipt.agent_id)).card.description == "Says hello."
    await bureau.pause_agent(receipt.agent_id, reason="lunch")
    assert (await bureau.get_agent(receipt.agent_id)).status_reason == "lunch"
    await bureau.resume_agent(receipt.agent_id)
    await bureau.update_agent(receipt.agent_id, name="host")
    assert [(agent.name, agent.skills) async for agent in bureau.iterate_agents()] == [("host", ("Greet",))]
    assert (await bureau.retire_agent(receipt.agent_id)).status == "retired"


async def test_a_task_goes_through_the_whole_line_by_hand(bureau: BureauClient) -> None:
    await bureau.register_agent("a")
    receipt = await bureau.submit_task("a", user_message("hello"), priority=9, metadata={"order": 7})
    (lease,) = await bureau.lease_tasks(["a"], worker="w", wait_seconds=5)
    assert (lease.task_id, lease.messages[0].text, lease.metadata) == (receipt.task_id, "hello", {"order": 7})
    assert (await bureau.send_heartbeat(lease, lease_seconds=60)).state is TaskState.WORKING
    await bureau.report_progress(lease, fraction=0.5, message=agent_message("half"))
    await bureau.complete_task(lease, message=agent_message("done"))
    with pytest.raises((WrongStateError, LeaseLostError)):
        await bureau.complete_task(lease)
    task = await bureau.wait_for_task(receipt.task_id)
    assert task.status.state is TaskState.COMPLETED
    assert [message.text for message in task.messages] == ["hello", "half", "done"]
    types = [entry.type async for entry in bureau.iterate_timeline(receipt.task_id)]
    assert types == ["task.submitted", "task.started", "task.progressed", "task.completed"]
    assert [task.task_id async for task in bureau.iterate_tasks(state=TaskState.COMPLETED)] == [receipt.task_id]


async def test_refusals_arrive_as_typed_errors(bureau: BureauClient) -> None:
    with pytest.raises(NotFoundError) as missing:
        await bureau.submit_task("nobody", "hello")
    assert missing.value.code == "agent_not_found"
    with pytest.raises(InvalidRequestError) as invalid:
        await bureau.register_agent("not a name!")
    assert any("name" in detail.path for detail in invalid.value.details)
    with pytest.raises(InvalidRequestError) as forbidden:
        await bureau.submit_task("nobody", "nul \x00")
    assert forbidden.value.code == "forbidden_text"
    with pytest.raises(NotFoundError):
        await bureau.get_task(UUID(int=7))


async def test_a_wrong_key_is_an_authentication_error(service: Service) -> None:
    async with BureauClient(service.command_url, new_api_key()) as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.register_agent("a")


async def test_a_canceled_task_cancels_its_handler(bureau: BureauClient) -> None:
    await bureau.register_agent("a")
    canceled, stop = asyncio.Event(), asyncio.Event()

    async def wait(_task: TaskContext) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            canceled.set()

    worker = Worker(bureau, ["a"], lease_seconds=1)
    worker.handler(wait)
    running = asyncio.create_task(worker.run(stop))
    receipt = await bureau.submit_task("a", "hello")
    async for entry in bureau.follow(receipt.task_id):
        if entry.type == "task.started":
            await bureau.cancel_task(receipt.task_id, reason="enough")
    await asyncio.wait_for(canceled.wait(), 10)
    stop.set()
    await asyncio.wait_for(running, 10)
    assert (await bureau.get_task(receipt.task_id)).cancel_reason == "enough"


async def test_large_artifacts_come_back_whole(bureau: BureauClient) -> None:
    await bureau.register_agent("a")
    text, stop = '"ä"\n' * 100_000, asyncio.Event()

    async def write(task: TaskContext) -> None:
        task.usage(input_tokens=5, cost="0.25")
        await task.artifact(text, artifact_id="big", name="Big")

    worker = Worker(bureau, ["a"])
    worker.handler(write)
    running = asyncio.create_task(worker.run(stop))
    task = await bureau.wait_for_task((await bureau.submit_task("a", "go")).task_id)
    stop.set()
    await asyncio.wait_for(running, 10)
    assert task.artifacts[0].text == text
    assert (task.usage.input_tokens, task.usage.cost) == (5, {"USD": Decimal("0.25")})


async def test_the_log_analyst_works_as_a_process_and_stops_cleanly(service: Service) -> None:
    bureau = service.client
    environment = dict(os.environ) | {"BUREAU_URL": service.command_url, "BUREAU_API_KEY": service.api_key}
    arguments = (sys.executable, "-m", "examples.log_analyst", "--agent", "logs")
    process = await asyncio.create_subprocess_exec(*arguments, env=environment, stderr=asyncio.subprocess.PIPE)
    try:
        has_agent: Callable[[], bool | Awaitable[bool]] = partial(_has_agent, bureau)
        await poll_until(has_agent, timeout=20, what="the analyst to register")
        receipt = await bureau.submit_task("logs", [file_part(LOG, filename="access.log")])
        async with asyncio.timeout(20):
            task = await bureau.wait_for_task(receipt.task_id)
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, task.status.state) == (0, TaskState.COMPLETED), errors.decode()
    assert isinstance(task.artifacts[0].data, dict)
    assert task.artifacts[0].data["statuses"] == {"200": 50}
    assert [artifact.artifact_id for artifact in task.artifacts] == ["summary", "report", "chart"]


async def _has_agent(bureau: BureauClient) -> bool:
    return any([agent.name == "logs" async for agent in bureau.iterate_agents()])
