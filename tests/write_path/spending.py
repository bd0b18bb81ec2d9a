"""Spending over HTTP, holding up a save, and what the log says of breaches by the times of the commits themselves."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import httpx2
from fastapi import FastAPI

from contracts.streams import Token
from infrastructure.postgres import Pool
from infrastructure.write_store import Write
from tests.command_api.scenario import API, replace_ports, work_on

__all__ = ["count_saves", "find_faults", "hold_first_lease", "is_spent", "read_spent", "set_budget", "spend"]

_COMMITS = """
SELECT event_type, aggregate_id::text AS id, pg_xact_commit_timestamp(xmin) AS at FROM log.events
WHERE event_type LIKE 'budget.%' OR event_type = ANY ($1) ORDER BY at, position
"""
_STARTS = ("task.started", "task.attempt_started", "task.resumed")


async def set_budget(client: httpx2.AsyncClient, amount: str = "10") -> str:
    answer = await client.post(f"{API}/budgets", json={"scope": "workspace", "amount": amount})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["budget_id"])


async def spend(client: httpx2.AsyncClient, lease: dict[str, Any], amount: str) -> httpx2.Response:
    return await work_on(client, lease, "progress", {"usage": {"cost": amount}})


async def find_faults(pool: Pool) -> tuple[int, list[str]]:
    """Return how often a budget was breached, and in words every start and every second report after a breach."""
    breaches, faults = 0, []
    is_spent, reported = False, set[str]()
    for row in await pool.fetch(_COMMITS, [*_STARTS, "task.usage_reported"]):
        match row["event_type"]:
            case "budget.exhausted":
                breaches, is_spent, reported = breaches + 1, True, set()
            case "budget.changed" | "budget.removed":
                is_spent = False
            case "task.usage_reported" if is_spent and row["id"] in reported:
                faults.append(f"{row['id']} reported twice after a breach")
            case "task.usage_reported" if is_spent:
                reported.add(row["id"])
            case started if is_spent and started in _STARTS:
                faults.append(f"{row['id']} {started} after a breach, at {row['at']}")
            case _:
                pass
    return breaches, faults


def hold_first_lease(application: FastAPI, meanwhile: Callable[[], Awaitable[None]]) -> list[Write]:
    """Let something happen between the decision on a lease and its save, once; return the leases that were tried."""
    save = application.state.services.commands.save
    tried: list[Write] = []

    async def held(write: Write) -> Token:
        if any(event.event_type in _STARTS for event in write.events):
            tried.append(write)
            if len(tried) == 1:
                await meanwhile()
        token: Token = await save(write)
        return token

    replace_ports(application, save=held)
    return tried


def count_saves(application: FastAPI) -> list[Write]:
    """Return a list to which every write that is tried is added."""
    save = application.state.services.commands.save
    tried: list[Write] = []

    async def counted(write: Write) -> Token:
        tried.append(write)
        token: Token = await save(write)
        return token

    replace_ports(application, save=counted)
    return tried


async def read_spent(pool: Pool) -> tuple[Decimal, Decimal]:
    """Return what the last budget says was spent, and the cost of all reports since it was set."""
    row = await pool.fetchrow(
        "SELECT (b.state ->> 'spent')::numeric, (SELECT sum((e.data -> 'usage' ->> 'cost')::numeric) FROM ("
        "   SELECT convert_from(envelope, 'UTF8')::jsonb -> 'data' AS data FROM log.events"
        "   WHERE event_type = 'task.usage_reported' AND pg_xact_commit_timestamp(xmin) > ("
        "     SELECT max(pg_xact_commit_timestamp(xmin)) FROM log.events WHERE event_type = 'budget.set')) AS e)"
        " FROM write.aggregates b WHERE b.kind = 'budget' AND b.state ->> 'status' <> 'removed'"
    )
    assert row is not None
    return row[0], row[1]


async def is_spent(pool: Pool) -> bool:
    return bool(
        await pool.fetchval(
            "SELECT count(*) FROM write.aggregates WHERE kind = 'budget' AND state ->> 'status' = 'exhausted'"
        )
    )
