"""Agents over HTTP: what each command answers and writes."""

import httpx2
import pytest

from infrastructure.postgres import Pool
from tests.command_api.scenario import API, read_events, register_agent, take_snapshot

CARD = {
    "description": "Reads a log.",
    "version": "2",
    "provider": {"organization": "Bureau"},
    "skills": [{"id": "analyse", "name": "Analyse a log", "tags": ["logs"]}],
}


async def test_registering_answers_the_agent_and_where_it_is(command_client: httpx2.AsyncClient, store: Pool) -> None:
    response = await command_client.post(
        f"{API}/agents",
        json={"name": "log-analyst", "card": CARD, "policy": {"lease_seconds": 30, "max_attempts": 2}},
        headers={"X-Correlation-Id": "c-1", "X-Request-Id": "r-1"},
    )

    assert response.status_code == 201
    receipt = response.json()
    agent_id = receipt["agent_id"]
    assert receipt == {
        "agent_id": agent_id,
        "name": "log-analyst",
        "status": "active",
        "generation": 1,
        "consistency": response.headers["bureau-consistency"],
    }
    assert response.headers["location"] == f"{API}/agents/{agent_id}"
    (event,) = await read_events(store, agent_id)
    assert (event["type"], event["subject"], event["aggregateversion"]) == ("agent.registered", f"agent/{agent_id}", 1)
    assert (event["correlationid"], event["causationid"], event["workspaceid"]) == ("c-1", "r-1", "default")
    policy = event["data"]["policy"]
    assert (policy["lease_seconds"], policy["max_attempts"], policy["retry"]["base_seconds"]) == (30, 2, 1.0)
    assert event["data"]["card"]["skills"][0]["name"] == "Analyse a log"


async def test_the_token_says_where_the_event_stands(command_client: httpx2.AsyncClient, store: Pool) -> None:
    first = await register_agent(command_client)

    row = await store.fetchrow("SELECT epoch, shard, position FROM log.events")
    assert row is not None
    assert first["consistency"] == f"{row['epoch']}.{row['shard']}:{row['position']}"


async def test_a_name_is_trimmed_and_in_lower_case(command_client: httpx2.AsyncClient) -> None:
    assert (await register_agent(command_client, "  Log-Analyst "))["name"] == "log-analyst"


async def test_a_client_that_sends_a_trace_finds_it_on_the_event(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    traced = await command_client.post(f"{API}/agents", json={"name": "a"}, headers={"traceparent": traceparent})
    invalid = await command_client.post(f"{API}/agents", json={"name": "b"}, headers={"traceparent": "00-0-0-0"})

    assert (await read_events(store, traced.json()["agent_id"]))[0]["traceparent"] == traceparent
    made = (await read_events(store, invalid.json()["agent_id"]))[0]["traceparent"]
    assert len(made) == 55
    assert made != traceparent


async def test_an_update_replaces_what_it_names(command_client: httpx2.AsyncClient, store: Pool) -> None:
    agent_id = (await register_agent(command_client, card=CARD))["agent_id"]

    response = await command_client.patch(f"{API}/agents/{agent_id}", json={"name": "Reader"})

    assert response.status_code == 200
    assert (response.json()["name"], response.json()["generation"]) == ("reader", 2)
    updated = (await read_events(store, agent_id))[1]
    assert updated["type"] == "agent.updated"
    assert updated["data"]["card"]["description"] == "Reads a log."


async def test_an_update_that_changes_nothing_is_answered_without_an_event(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    agent = await register_agent(command_client)

    bodies: list[dict[str, object]] = [{}, {"name": None}, {"name": "analyst"}, {"policy": {}}, {"card": {}}]
    for body in bodies:
        response = await command_client.patch(f"{API}/agents/{agent['agent_id']}", json=body)
        assert (response.status_code, response.json()) == (200, agent), body
    assert len(await read_events(store, agent["agent_id"])) == 1


async def test_a_name_can_be_given_up_and_taken_by_another(command_client: httpx2.AsyncClient) -> None:
    first = await register_agent(command_client)

    await command_client.patch(f"{API}/agents/{first['agent_id']}", json={"name": "elder"})

    assert (await register_agent(command_client))["agent_id"] != first["agent_id"]


async def test_an_agent_pauses_resumes_and_retires(command_client: httpx2.AsyncClient, store: Pool) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    told = []
    for verb, body in [("pause", {"reason": "dear"}), ("resume", None), ("pause", None), ("retire", {"reason": None})]:
        response = await command_client.post(f"{API}/agents/{agent_id}/{verb}", json=body)
        assert response.status_code == 200, response.text
        told.append((response.json()["status"], response.json()["generation"]))

    assert told == [("paused", 2), ("active", 3), ("paused", 4), ("retired", 5)]
    events = await read_events(store, agent_id)
    assert [event["aggregateversion"] for event in events] == [1, 2, 3, 4, 5]
    assert events[1]["data"] == {"reason": "dear"}


@pytest.mark.parametrize("verb", ["pause", "retire"])
async def test_saying_it_twice_is_no_error_and_no_event(
    command_client: httpx2.AsyncClient, store: Pool, verb: str
) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    first = await command_client.post(f"{API}/agents/{agent_id}/{verb}")
    before = await take_snapshot(store)

    second = await command_client.post(f"{API}/agents/{agent_id}/{verb}")

    assert (second.status_code, second.json()) == (200, first.json())
    after = await take_snapshot(store)
    assert (after.aggregates, after.events) == (before.aggregates, before.events)
