"""Budgets over HTTP: spend is always recorded, a breach stops work and leases until the budget is raised."""

from typing import Any

import httpx2
import pytest

from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.postgres import Pool
from tests.command_api.scenario import (
    API,
    assert_error,
    bearer,
    lease_one,
    nothing_written,
    read_events,
    register_agent,
    submit_task,
    user_message,
    work_on,
)

UNKNOWN = "01a1ff4e-7a00-7000-8000-00000000000b"


async def set_budget(client: httpx2.AsyncClient, scope: str = "workspace", **fields: object) -> dict[str, Any]:
    answer = await client.post(f"{API}/budgets", json={"scope": scope, "amount": "10", **fields})
    assert answer.status_code == 201, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


def cost(amount: str, currency: str = "USD") -> dict[str, Any]:
    return {"usage": {"cost": amount, "currency": currency}}


async def leases(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.post(f"{API}/leases", json={"agents": ["analyst"], "worker": "w", "max_tasks": 9})
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def test_a_budget_is_set_changed_and_removed(command_client: httpx2.AsyncClient, store: Pool) -> None:
    budget = await set_budget(command_client, window="day", on_breach="fail")
    assert (budget["status"], budget["spent"], budget["generation"]) == ("active", "0", 1)
    path = f"{API}/budgets/{budget['budget_id']}"
    async with nothing_written(store):
        twin = await command_client.post(f"{API}/budgets", json={"scope": "workspace", "amount": "1"})
        assert_error(twin, 409, "budget_exists")
        amounts = [{"amount": amount} for amount in ("0", "-1", "many", "1_0", "١٢", "Infinity")]
        scopes = [{"scope": scope} for scope in ("everything", f"agent:{36 * '-'}", f"task:{36 * 'f'}")]
        for wrong in (*amounts, *scopes):
            refused = await command_client.post(f"{API}/budgets", json={"scope": "workspace", "amount": "1", **wrong})
            assert_error(refused, 422, "invalid_request", path=f"body.{next(iter(wrong))}")
        for verb, target in (("PATCH", UNKNOWN), ("POST", f"{UNKNOWN}/remove")):
            missing = await command_client.request(verb, f"{API}/budgets/{target}", json={})
            assert_error(missing, 404, "budget_not_found")

    changed = (await command_client.patch(path, json={"amount": "20"})).json()
    assert (changed["amount"], changed["on_breach"], changed["generation"]) == ("20", "fail", 2)
    assert (await command_client.post(f"{path}/remove")).json()["status"] == "removed"
    async with nothing_written(store):
        assert_error(await command_client.patch(path, json={"amount": "1"}), 404, "budget_not_found")
    assert (await set_budget(command_client))["status"] == "active"


async def test_a_breach_stops_the_task_and_refuses_leases_until_the_budget_is_raised(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    budget = await set_budget(command_client, f"agent:{agent_id}")
    for _ in range(3):
        await submit_task(command_client)
    first, second = await lease_one(command_client), await lease_one(command_client)

    assert (await work_on(command_client, first, "progress", cost("8.5"))).json()["state"] == "working"
    beat = (await work_on(command_client, second, "heartbeat")).json()
    assert beat["budgets"] == [{"scope": f"agent:{agent_id}", "amount": "10", "spent": "8.5", "currency": "USD"}]
    breach = await work_on(command_client, first, "progress", cost("1.5"))

    assert (breach.status_code, breach.json()["state"]) == (200, "input_required")
    async with nothing_written(store):
        assert await leases(command_client) == []
        assert_error(await work_on(command_client, first, "complete"), 409, "lease_lost")
        answer = await command_client.post(f"{API}/tasks/{first['task_id']}/input", json={"message": user_message()})
        assert_error(answer, 409, "budget_exhausted")
    # The report of a lease that was there before counts, and stops its task too.
    last = await work_on(command_client, second, "progress", cost("0.25"))
    assert last.json()["state"] == "input_required"

    raised = await command_client.patch(f"{API}/budgets/{budget['budget_id']}", json={"amount": "100"})

    assert (raised.json()["status"], raised.json()["spent"]) == ("active", "10.25")
    assert len(await leases(command_client)) == 1
    for lease in (first, second):
        path = f"{API}/tasks/{lease['task_id']}/input"
        assert (await command_client.post(path, json={"message": user_message()})).status_code == 200
    assert {lease["task_id"] for lease in await leases(command_client)} == {first["task_id"], second["task_id"]}
    assert [event["type"] for event in await read_events(store, budget["budget_id"])] == [
        "budget.set",
        "budget.nearly_spent",
        "budget.exhausted",
        "budget.changed",
    ]


async def test_a_breach_fails_the_task_where_the_budget_says_so(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    await set_budget(command_client, on_breach="fail")
    await submit_task(command_client)
    lease = await lease_one(command_client)

    assert (await work_on(command_client, lease, "progress", cost("11"))).json()["state"] == "failed"

    assert (await read_events(store, lease["task_id"]))[-1]["data"]["code"] == "budget_exhausted"


@pytest.mark.parametrize(
    ("verb", "body", "state"),
    [
        ("complete", {}, "completed"),
        ("fail", {"code": "c", "reason": "r"}, "failed"),
        ("reject", {"reason": "r"}, "rejected"),
    ],
)
async def test_what_the_last_report_cost_counts_and_the_task_ends_as_its_worker_says(
    command_client: httpx2.AsyncClient, verb: str, body: dict[str, Any], state: str
) -> None:
    await register_agent(command_client)
    await set_budget(command_client)
    for _ in range(2):
        await submit_task(command_client)
    lease = await lease_one(command_client)

    assert (await work_on(command_client, lease, verb, {**body, **cost("10")})).json()["state"] == state

    assert await leases(command_client) == []


@pytest.mark.parametrize("scope", ["context:c-1", "task", "workspace", "agent"])
async def test_a_budget_stops_its_scope_and_nothing_else(command_client: httpx2.AsyncClient, scope: str) -> None:
    agents = [(await register_agent(command_client, name))["agent_id"] for name in ("analyst", "reader")]
    await submit_task(command_client, context_id="c-1")
    lease = await lease_one(command_client)
    others = [
        (await submit_task(command_client, agent, context_id=context))["task_id"]
        for agent, context in (("analyst", "c-1"), ("analyst", "c-2"), ("reader", "c-2"))
    ]
    ids = {"task": f"task:{lease['task_id']}", "agent": f"agent:{agents[0]}"}
    await set_budget(command_client, ids.get(scope, scope), amount="1")

    await work_on(command_client, lease, "progress", cost("1"))

    body = {"agents": ["analyst", "reader"], "worker": "w", "max_tasks": 9}
    left = {lease["task_id"] for lease in (await command_client.post(f"{API}/leases", json=body)).json()["data"]}
    expected = {"task": {0, 1, 2}, "context:c-1": {1, 2}, "agent": {2}, "workspace": set[int]()}[scope]
    assert {others.index(task_id) for task_id in left} == expected


async def test_a_budget_bounds_what_is_there(command_client: httpx2.AsyncClient, store: Pool) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    task_id = (await submit_task(command_client))["task_id"]
    stranger = new_api_key()
    await store_api_key(store, stranger, workspace_id="elsewhere", name="stranger")
    async with nothing_written(store):
        for scope, kind, headers in (
            (f"agent:{UNKNOWN}", "agent", {}),
            (f"agent:{task_id}", "agent", {}),
            (f"agent:{agent_id}", "agent", bearer(stranger)),
            (f"task:{UNKNOWN}", "task", {}),
            (f"task:{agent_id}", "task", {}),
            (f"task:{task_id}", "task", bearer(stranger)),
        ):
            body = {"scope": scope, "amount": "1"}
            missing = await command_client.post(f"{API}/budgets", json=body, headers=headers)
            assert_error(missing, 404, f"{kind}_not_found")

    for scope in (f"agent:{agent_id}", f"task:{task_id}", "context:not-begun-yet", "workspace"):
        assert (await set_budget(command_client, scope))["scope"] == scope


async def test_a_budget_counts_from_the_moment_it_is_set_and_what_it_is_told_was_spent(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    for _ in range(3):
        await submit_task(command_client)
    lease = await lease_one(command_client)
    await work_on(command_client, lease, "progress", cost("7"))

    fresh = await set_budget(command_client, window="month")
    await work_on(command_client, lease, "progress", cost("2"))
    removed = (await command_client.post(f"{API}/budgets/{fresh['budget_id']}/remove")).json()
    carried = await set_budget(command_client, window="day", spent=removed["spent"])
    await command_client.post(f"{API}/budgets/{carried['budget_id']}/remove")

    assert [each["spent"] for each in (fresh, removed, carried)] == ["0", "2", "2"]
    spent = await set_budget(command_client, spent="10")
    assert (spent["status"], spent["generation"]) == ("exhausted", 2)
    assert await leases(command_client) == []
    assert [event["data"]["spent"] for event in await read_events(store, spent["budget_id"])] == ["10", "10"]
    for amount in ("-1", True, "1_0"):
        body = {"scope": "workspace", "amount": "1", "spent": amount}
        refused = await command_client.post(f"{API}/budgets", json=body)
        assert_error(refused, 422, "invalid_request", path="body.spent")


async def test_another_currency_does_not_count(command_client: httpx2.AsyncClient) -> None:
    await register_agent(command_client)
    await set_budget(command_client)
    await submit_task(command_client)
    lease = await lease_one(command_client)

    assert (await work_on(command_client, lease, "progress", cost("99", "EUR"))).json()["state"] == "working"


async def test_what_a_canceled_task_cost_until_its_worker_stopped_counts_once(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    budget = await set_budget(command_client)
    for _ in range(2):
        await submit_task(command_client)
    lease = await lease_one(command_client)
    await command_client.post(f"{API}/tasks/{lease['task_id']}/cancel")

    key = {"Idempotency-Key": '"stopped"'}
    told = [await work_on(command_client, lease, "acknowledge-cancel", cost("10"), **key) for _ in range(2)]

    assert [(answer.status_code, answer.json()["state"]) for answer in told] == [(200, "canceled")] * 2
    events = await read_events(store, lease["task_id"])
    assert [event["type"] for event in events[-2:]] == ["task.canceled", "task.usage_reported"]
    assert (events[-1]["data"]["usage"]["cost"], events[-1]["aggregateversion"]) == ("10", told[0].json()["generation"])
    assert (await read_events(store, budget["budget_id"]))[-1]["type"] == "budget.exhausted"
    assert await leases(command_client) == []
