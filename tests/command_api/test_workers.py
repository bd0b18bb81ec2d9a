"""A worker's calls about its task: heartbeat, progress, artifacts, complete, fail."""

from datetime import datetime

import httpx2
import pytest

from infrastructure.postgres import Pool
from tests.command_api.scenario import (
    assert_error,
    lease_one,
    nothing_written,
    read_events,
    register_agent,
    submit_task,
    take_snapshot,
    work_on,
)

WORD = {"message_id": "m-2", "role": "agent", "parts": [{"text": "done"}]}
REPORT = {"artifact_id": "report", "name": "Report", "parts": [{"text": "fine", "media_type": "text/markdown"}]}


async def lease_a_task(client: httpx2.AsyncClient, **policy: int) -> dict[str, object]:
    """Register an agent, submit a task and lease it."""
    await register_agent(client, policy=policy)
    await submit_task(client)
    return await lease_one(client)


async def test_a_heartbeat_renews_the_lease_and_writes_no_event(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    lease = await lease_a_task(command_client, lease_seconds=10)
    before = await take_snapshot(store)

    response = await work_on(command_client, lease, "heartbeat", {"lease_seconds": 600})

    assert response.status_code == 200
    receipt = response.json()
    assert (receipt["state"], receipt["generation"], receipt["attempt"]) == ("working", 2, 1)
    renewed, granted = (datetime.fromisoformat(str(text["lease_expires_at"])) for text in (receipt, lease))
    assert 580 < (renewed - granted).total_seconds() < 620
    assert receipt["consistency"] == response.headers["bureau-consistency"]
    after = await take_snapshot(store)
    assert after.events == before.events
    assert after.aggregates != before.aggregates


async def test_a_heartbeat_without_a_body_renews_for_as_long_as_before(command_client: httpx2.AsyncClient) -> None:
    lease = await lease_a_task(command_client, lease_seconds=600)

    response = await work_on(command_client, lease, "heartbeat")

    assert response.status_code == 200
    assert response.json()["lease_expires_at"] >= str(lease["lease_expires_at"])


async def test_progress_writes_usage_and_progress_in_one_go(command_client: httpx2.AsyncClient, store: Pool) -> None:
    lease = await lease_a_task(command_client)
    body = {"fraction": 0.5, "message": WORD, "usage": {"input_tokens": 7, "cost": "0.001", "currency": "EUR"}}

    response = await work_on(command_client, lease, "progress", body)

    assert (response.status_code, response.json()["generation"]) == (200, 4)
    *_, used, progressed = await read_events(store, str(lease["task_id"]))
    assert (used["type"], progressed["type"]) == ("task.usage_reported", "task.progressed")
    assert (used["data"]["usage"]["cost"], used["data"]["usage"]["currency"]) == ("0.001", "EUR")
    assert progressed["data"]["fraction"] == 0.5
    assert progressed["data"]["message"]["parts"] == [{"text": "done"}]


async def test_progress_that_says_nothing_is_refused(command_client: httpx2.AsyncClient, store: Pool) -> None:
    lease = await lease_a_task(command_client)

    async with nothing_written(store):
        assert_error(await work_on(command_client, lease, "progress", {}), 422, "empty_progress")


async def test_an_artifact_arrives_chunk_by_chunk(command_client: httpx2.AsyncClient, store: Pool) -> None:
    lease = await lease_a_task(command_client)
    chunks = [
        {"artifact": REPORT, "last_chunk": False},
        {"artifact": {"artifact_id": "report", "parts": [{"text": " and"}]}, "append": True, "last_chunk": False},
        {"artifact": {"artifact_id": "report", "parts": [{"text": " well"}]}, "append": True},
    ]

    answers = [await work_on(command_client, lease, "artifacts", chunk) for chunk in chunks]

    assert [(answer.status_code, answer.json()["generation"]) for answer in answers] == [(200, 3), (200, 4), (200, 5)]
    appended = (await read_events(store, str(lease["task_id"])))[2:]
    assert [event["data"]["append"] for event in appended] == [False, True, True]
    assert [event["data"]["last_chunk"] for event in appended] == [False, False, True]
    assert appended[0]["data"]["artifact"] == REPORT


async def test_chunks_out_of_order_are_refused(command_client: httpx2.AsyncClient, store: Pool) -> None:
    lease = await lease_a_task(command_client)
    async with nothing_written(store):
        unknown = await work_on(command_client, lease, "artifacts", {"artifact": REPORT, "append": True})
        assert_error(unknown, 409, "artifact_unknown")

    await work_on(command_client, lease, "artifacts", {"artifact": REPORT, "last_chunk": False})
    async with nothing_written(store):
        again = await work_on(command_client, lease, "artifacts", {"artifact": REPORT})
        assert_error(again, 409, "artifact_exists")

    await work_on(command_client, lease, "artifacts", {"artifact": REPORT, "append": True})
    async with nothing_written(store):
        closed = await work_on(command_client, lease, "artifacts", {"artifact": REPORT, "append": True})
        assert_error(closed, 409, "artifact_closed")


async def test_completing_ends_the_task_with_its_last_word(command_client: httpx2.AsyncClient, store: Pool) -> None:
    lease = await lease_a_task(command_client)

    response = await work_on(command_client, lease, "complete", {"message": WORD, "usage": {"tool_calls": 1}})

    assert (response.status_code, response.json()["state"], response.json()["generation"]) == (200, "completed", 4)
    last = (await read_events(store, str(lease["task_id"])))[-1]
    assert (last["type"], last["data"]["attempt"]) == ("task.completed", 1)
    assert last["data"]["message"]["message_id"] == "m-2"


async def test_completing_needs_no_body(command_client: httpx2.AsyncClient) -> None:
    lease = await lease_a_task(command_client)

    response = await work_on(command_client, lease, "complete")

    assert (response.status_code, response.json()["state"]) == (200, "completed")


async def test_failing_ends_the_task_with_code_and_reason(command_client: httpx2.AsyncClient, store: Pool) -> None:
    lease = await lease_a_task(command_client)

    response = await work_on(command_client, lease, "fail", {"code": "no_data", "reason": "empty log", "message": WORD})

    assert (response.status_code, response.json()["state"]) == (200, "failed")
    data = (await read_events(store, str(lease["task_id"])))[-1]["data"]
    assert (data["code"], data["reason"]) == ("no_data", "empty log")


@pytest.mark.parametrize(
    ("end", "state", "code"), [("complete", "completed", "lease_lost"), ("cancel", "canceled", "task_canceled")]
)
async def test_a_task_that_ended_takes_no_further_call(
    command_client: httpx2.AsyncClient, store: Pool, end: str, state: str, code: str
) -> None:
    lease = await lease_a_task(command_client)
    assert (await work_on(command_client, lease, end)).status_code == 200
    calls: list[tuple[str, dict[str, object] | None]] = [
        ("heartbeat", None),
        ("progress", {"fraction": 1}),
        ("artifacts", {"artifact": REPORT}),
        ("complete", None),
        ("fail", {"code": "c", "reason": "r"}),
    ]

    async with nothing_written(store):
        for verb, body in calls:
            error = assert_error(await work_on(command_client, lease, verb, body), 409, code)
            assert state in error["message"]
