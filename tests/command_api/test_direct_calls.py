"""The short way of commands: what is valid never reaches FastAPI, and what is not is told by it as ever."""

from collections.abc import Sequence

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from starlette.types import Receive, Scope, Send

from command_api.direct_calls import call_directly
from command_api.routes import endings, leases, submissions, work
from command_api.routes.call import CurrentCall
from infrastructure.web.middleware import request_edge
from tests.command_api.scenario import API, bearer, register_agent

ROUTERS: Sequence[APIRouter] = (submissions.router, work.router, endings.router, leases.router)
MESSAGE = {"message_id": "m-1", "role": "user", "parts": [{"text": "Ada"}]}


class FrameworkReachedError(Exception):
    """A request came as far as FastAPI."""


def direct_client(application: FastAPI, api_key: str) -> httpx2.AsyncClient:
    """Return a client of an application whose framework refuses to do anything."""

    async def refuse(scope: Scope, _receive: Receive, _send: Send) -> None:
        raise FrameworkReachedError(scope["path"])

    edge = request_edge(call_directly(application, refuse, ROUTERS), max_body_bytes=100_000)
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=edge), base_url="http://bureau", headers=bearer(api_key)
    )


async def test_the_life_of_a_task_needs_no_framework(
    command_client: httpx2.AsyncClient, application: FastAPI, api_key: str
) -> None:
    await register_agent(command_client)
    async with direct_client(application, api_key) as client:
        task = (await client.post(f"{API}/tasks", json={"agent": "analyst", "message": MESSAGE})).json()
        answer = await client.post(f"{API}/leases", json={"agents": ["analyst"], "worker": "w"})
        (lease,) = answer.json()["data"]
        path, token = f"{API}/tasks/{task['task_id']}", {"Lease-Token": lease["lease_token"]}
        beaten = await client.post(f"{path}/heartbeat", headers=token)
        ended = await client.post(f"{path}/complete", json={"message": {**MESSAGE, "role": "agent"}}, headers=token)

    assert [answer.status_code for answer in (beaten, ended)] == [200, 200]
    assert ended.json()["state"] == "completed"


async def test_refusals_are_told_without_it_too(
    command_client: httpx2.AsyncClient, application: FastAPI, api_key: str
) -> None:
    await register_agent(command_client)
    async with direct_client(application, api_key) as client:
        unknown = await client.post(f"{API}/tasks", json={"agent": "nobody", "message": MESSAGE})
        nobody = await client.post(f"{API}/tasks", json={}, headers={"Authorization": "Bearer wrong"})
        malformed = await client.post(f"{API}/tasks", content=b"{", headers={"Content-Type": "application/json"})

    told = [(answer.status_code, answer.json()["error"]["code"]) for answer in (unknown, nobody, malformed)]
    assert told == [(404, "agent_not_found"), (401, "unauthenticated"), (400, "malformed_json")]


def test_a_route_that_takes_what_commands_do_not_take_is_refused_at_the_start() -> None:
    router = APIRouter()

    @router.post("/tasks")
    async def take_a_query(limit: int, call: CurrentCall) -> None:
        """Take a query parameter."""

    with pytest.raises(TypeError, match="limit is none of"):
        call_directly(FastAPI(), FastAPI(), [router])


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/tasks", {"agent": "analyst"}, "invalid_request"),
        ("/tasks", None, "invalid_request"),
        ("/tasks/no-uuid/complete", {}, "task_not_found"),
        ("/tasks/0192f0c1-7d3b-7000-8000-000000000001/complete", {}, "invalid_request"),
        ("/nothing", {}, "not_found"),
    ],
)
async def test_what_is_not_valid_is_told_by_fastapi(
    command_client: httpx2.AsyncClient, path: str, body: object, code: str
) -> None:
    content = {} if body is None else {"json": body}
    answer = await command_client.post(f"{API}{path}", **content)  # type: ignore[arg-type] # the arguments of a post

    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["details"] or code == "not_found"
