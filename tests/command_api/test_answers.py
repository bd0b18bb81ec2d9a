"""What a worker is told of answers: which message answers which question, at a heartbeat and at a lease."""

from typing import Any

import httpx2

from infrastructure.identifiers import new_id
from tests.command_api.scenario import API, assert_error, lease_one, register_agent, submit_task, user_message, work_on


def question(**fields: object) -> dict[str, Any]:
    return {"message": {"message_id": "q-1", "role": "agent", "parts": [{"text": "Go?"}]}, **fields}


async def answer(client: httpx2.AsyncClient, task_id: str, **fields: object) -> httpx2.Response:
    return await client.post(f"{API}/tasks/{task_id}/input", json={"message": user_message("yes"), **fields})


async def test_a_heartbeat_says_which_of_the_new_messages_is_the_answer(command_client: httpx2.AsyncClient) -> None:
    await register_agent(command_client)
    task_id = (await submit_task(command_client))["task_id"]
    lease = await lease_one(command_client)
    assert (lease["last_message"], lease["answers"]) == (1, [])
    asked = (await work_on(command_client, lease, "request-input", question(keeps_lease=True))).json()
    await command_client.post(f"{API}/tasks/{task_id}/messages", json={"message": user_message("by the way")})
    assert (await answer(command_client, task_id, request_id=asked["request_id"])).status_code == 200
    told = (await work_on(command_client, lease, "heartbeat", {"received": 1})).json()
    assert [message["parts"][0]["text"] for message in told["messages"]] == ["by the way", "yes"]
    note = {"request_id": asked["request_id"], "kind": "input", "ordinal": 3, "is_default": False, "status": None}
    assert told["answers"] == [note]
    later = (await work_on(command_client, lease, "heartbeat", {"received": 3})).json()
    assert (later["messages"], later["answers"], later["last_message"]) == ([], [], 3)


async def test_the_next_lease_holds_the_answer_under_the_id_that_the_worker_chose(
    command_client: httpx2.AsyncClient,
) -> None:
    await register_agent(command_client)
    task_id = (await submit_task(command_client))["task_id"]
    request_id = str(new_id())
    asked = await work_on(
        command_client, await lease_one(command_client), "request-input", question(request_id=request_id)
    )
    assert asked.json()["request_id"] == request_id
    assert_error(await answer(command_client, task_id, request_id=str(new_id())), 409, "other_question")
    await answer(command_client, task_id, request_id=request_id)
    lease = await lease_one(command_client)
    assert [(note["request_id"], note["ordinal"]) for note in lease["answers"]] == [(request_id, 2)]
    assert (lease["attempt"], len(lease["messages"])) == (1, 2)
