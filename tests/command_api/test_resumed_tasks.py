"""Letting all tasks go on that a budget stopped, once it is raised, removed, or in its next window."""

import httpx2

from infrastructure.postgres import Pool
from tests.command_api.scenario import (
    API,
    assert_error,
    lease_one,
    nothing_written,
    register_agent,
    submit_task,
    user_message,
    work_on,
)
from tests.command_api.test_budgets import UNKNOWN, cost, leases, set_budget


async def stop_some(client: httpx2.AsyncClient, *scopes: str) -> tuple[list[str], list[str]]:
    """Return the ids of budgets of ten dollars, and of three tasks of four that each reported so much."""
    await register_agent(client)
    for number in range(4):
        await submit_task(client, context_id=f"c-{number // 2}")
    ids = [(await set_budget(client, scope))["budget_id"] for scope in scopes]
    held = [await lease_one(client) for _ in range(4)]
    for lease in held[:3]:
        assert (await work_on(client, lease, "progress", cost("10"))).json()["state"] == "input_required"
    return ids, [lease["task_id"] for lease in held[:3]]


async def test_all_tasks_that_a_budget_stopped_are_resumed_at_once(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    (budget_id,), stopped = await stop_some(command_client, "workspace")
    path = f"{API}/budgets/{budget_id}"
    async with nothing_written(store):
        assert_error(await command_client.post(f"{path}/resume"), 409, "budget_exhausted")
        assert_error(await command_client.post(f"{API}/budgets/{UNKNOWN}/resume"), 404, "budget_not_found")
    await command_client.patch(path, json={"amount": "100"})

    key = {"Idempotency-Key": '"go"'}
    body = {"message": user_message("Go on, but sparingly.")}
    answers = [await command_client.post(f"{path}/resume", json=body, headers=key) for _ in range(2)]

    assert sorted(answers[0].json()["resumed"]) == sorted(stopped)
    assert answers[1].content == answers[0].content
    resumed = await leases(command_client)
    assert sorted(lease["task_id"] for lease in resumed) == sorted(stopped)
    assert {lease["messages"][-1]["parts"][0]["text"] for lease in resumed} == {"Go on, but sparingly."}
    assert [lease["attempt"] for lease in resumed] == [1, 1, 1]
    async with nothing_written(store):
        assert (await command_client.post(f"{path}/resume")).json() == {"resumed": [], "consistency": None}


async def test_a_task_over_which_another_budget_is_spent_waits_on(command_client: httpx2.AsyncClient) -> None:
    # Of two budgets that one report spends, its task waits for the first by name.
    (context, workspace), stopped = await stop_some(command_client, "context:c-0", "workspace")
    resumed: list[list[str]] = []
    await command_client.patch(f"{API}/budgets/{context}", json={"amount": "100"})
    for change in (None, workspace, None):
        if change is not None:
            await command_client.post(f"{API}/budgets/{change}/remove")
        resumed += [
            sorted((await command_client.post(f"{API}/budgets/{budget}/resume")).json().get("resumed", ["refused"]))
            for budget in (context, workspace)
        ]

    assert resumed == [[], ["refused"], sorted(stopped[:2]), stopped[2:], [], []]


async def test_a_budget_never_answers_what_a_worker_asked(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)
    await submit_task(command_client)
    lease = await lease_one(command_client)
    budget_id = (await set_budget(command_client))["budget_id"]
    question = {"message": {**user_message("Really delete all?"), "role": "agent"}, "keeps_lease": True}

    async with nothing_written(store):
        asked = await work_on(command_client, lease, "request-input", {**question, "request_id": budget_id})
        assert_error(asked, 409, "question_exists")
    await command_client.post(f"{API}/budgets/{budget_id}/remove")
    async with nothing_written(store):
        asked = await work_on(command_client, lease, "request-input", {**question, "request_id": budget_id})
        assert_error(asked, 409, "question_exists")
    assert (await work_on(command_client, lease, "request-input", {**question, "request_id": UNKNOWN})).is_success
    async with nothing_written(store):
        answer = await command_client.post(f"{API}/budgets/{budget_id}/resume")
        assert answer.json() == {"resumed": [], "consistency": None}
