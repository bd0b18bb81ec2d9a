"""Tasks with as much to say as a task may have: nobody reads more of it at a time than one answer holds."""

from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from infrastructure.command_loads import Loaded, LoadRequest
from infrastructure.postgres import Pool
from infrastructure.work_store import read_messages
from tests.command_api.scenario import (
    API,
    lease_one,
    register_agent,
    replace_ports,
    replace_services,
    submit_task,
    user_message,
)

MEBIBYTE = 2**20
KEY = {"Idempotency-Key": '"k-1"'}
ENLARGE = """
UPDATE write.messages SET body = convert_to(jsonb_set(
  convert_from(body, 'UTF8')::jsonb, '{message,parts,0,text}', to_jsonb(repeat('x', $2))
)::text, 'UTF8')
WHERE task_id = $1::text::uuid AND ordinal = 1
"""
COUNT_AS = """
UPDATE write.aggregates SET state = state || jsonb_build_object('message_bytes', $2::bigint)
WHERE id = $1::text::uuid
"""


@pytest.fixture
def loaded_bytes(application: FastAPI) -> list[int]:
    """Return the bytes of messages that come with each load from now on."""
    load, sizes = application.state.services.commands.load, list[int]()

    async def load_and_note(request: LoadRequest) -> Loaded:
        loaded: Loaded = await load(request)
        sizes.append(sum(len(body) for bodies in loaded.messages.values() for body in bodies))
        return loaded

    replace_ports(application, load=load_and_note)
    return sizes


async def submit_large(client: httpx2.AsyncClient, store: Pool, size: int) -> str:
    """Submit a task and make its first message so many bytes longer."""
    task_id = str((await submit_task(client))["task_id"])
    await store.execute(ENLARGE, task_id, size)
    return task_id


async def ask(client: httpx2.AsyncClient, **headers: str) -> list[dict[str, Any]]:
    body = {"agents": ["analyst"], "worker": "w", "max_tasks": 100}
    leases: list[dict[str, Any]] = (await client.post(f"{API}/leases", json=body, headers=headers)).json()["data"]
    return leases


async def test_an_answer_holds_so_many_bytes_of_messages_and_the_rest_is_left_for_the_next(
    command_client: httpx2.AsyncClient, store: Pool, loaded_bytes: list[int]
) -> None:
    await register_agent(command_client)
    large = [await submit_large(command_client, store, MEBIBYTE) for _ in range(10)]
    small = [(await submit_task(command_client))["task_id"] for _ in range(3)]

    answers = [[lease["task_id"] for lease in await ask(command_client)] for _ in range(4)]

    assert answers == [[*large[:4], *small], large[4:8], large[8:], []]
    assert max(loaded_bytes) < 1_000


async def test_a_task_that_alone_is_too_large_comes_whole_and_no_other_large_one_with_it(
    command_client: httpx2.AsyncClient, store: Pool, loaded_bytes: list[int]
) -> None:
    await register_agent(command_client)
    large = await submit_large(command_client, store, 6 * MEBIBYTE)
    for number in range(3):
        message = user_message(f"more {number}")
        await command_client.post(f"{API}/tasks/{large}/messages", json={"message": message})
    await store.execute(COUNT_AS, large, 6 * MEBIBYTE)
    other_large = await submit_large(command_client, store, MEBIBYTE)
    small = [(await submit_task(command_client))["task_id"] for _ in range(2)]

    lease, *others = await ask(command_client, **KEY)
    await command_client.post(f"{API}/tasks/{large}/messages", json={"message": user_message("late")})
    again = await ask(command_client, **KEY)

    assert (lease["task_id"], lease["last_message"]) == (large, 4)
    texts = [message["parts"][0]["text"] for message in lease["messages"]]
    assert (len(texts[0]), texts[1:]) == (6 * MEBIBYTE, ["more 0", "more 1", "more 2"])
    assert again == [lease, *others]
    assert [other["task_id"] for other in others] == small
    assert [lease["task_id"] for lease in await ask(command_client)] == [other_large]
    assert max(loaded_bytes) < 1_000


async def test_a_task_that_is_submitted_again_is_read_as_far_as_its_first_message(
    command_client: httpx2.AsyncClient, application: FastAPI
) -> None:
    await register_agent(command_client)
    task_id = (await submit_task(command_client))["task_id"]
    for _ in range(3):
        await command_client.post(f"{API}/tasks/{task_id}/messages", json={"message": user_message("more")})
    await command_client.post(f"{API}/tasks/{task_id}/cancel")
    read, bodies = application.state.services.read_messages, list[bytes]()

    async def read_and_note(*wanted: object) -> dict[UUID, list[bytes]]:
        found: dict[UUID, list[bytes]] = await read(*wanted)
        bodies.extend(body for each in found.values() for body in each)
        return found

    replace_services(application, read_messages=read_and_note)
    assert (await command_client.post(f"{API}/tasks/{task_id}/retry")).status_code == 201

    assert len(bodies) == 1
    assert [message["parts"][0]["text"] for message in (await lease_one(command_client))["messages"]] == ["hello"]


async def test_messages_of_another_workspace_are_not_read(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)
    task_id = UUID((await submit_task(command_client))["task_id"])

    assert await read_messages(store, "another", {task_id: range(1, 2)}) == {task_id: []}
    assert len((await read_messages(store, "default", {task_id: range(1, 2)}))[task_id]) == 1
