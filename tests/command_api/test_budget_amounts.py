"""Amounts of budgets come back as plain decimals, however a client wrote them."""

import httpx2

from infrastructure.postgres import Pool
from tests.command_api.scenario import API, assert_error, lease_one, read_events, register_agent, submit_task, work_on
from tests.command_api.test_budgets import cost, set_budget


async def test_amounts_are_plain_decimals_in_answers_and_events(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    await submit_task(command_client)
    budget = await set_budget(command_client, amount="1e-9")
    path = f"{API}/budgets/{budget['budget_id']}"
    raised = (await command_client.patch(path, json={"amount": "2.5E+2"})).json()
    lease = await lease_one(command_client)
    await work_on(command_client, lease, "progress", cost("2.4e2"))
    beat = (await work_on(command_client, lease, "heartbeat")).json()
    await work_on(command_client, lease, "progress", cost("1e1"))
    refused = await command_client.post(f"{path}/resume")

    assert (budget["amount"], budget["spent"]) == ("0.000000001", "0")
    assert (raised["amount"], raised["spent"]) == ("250", "0")
    assert [(notice["amount"], notice["spent"]) for notice in beat["budgets"]] == [("250", "240")]
    assert_error(refused, 409, "budget_exhausted")
    assert "250 of 250 USD" in refused.json()["error"]["message"]
    events = await read_events(store, budget["budget_id"])
    amounts = [(event["data"]["amount"], event["data"]["spent"]) for event in events]
    assert amounts == [("0.000000001", "0"), ("250", "0"), ("250", "240"), ("250", "250")]
