"""What finds work reads few blocks, however many tasks there are that it is not about: with a plan kept for all."""

import json
from uuid import UUID

import pytest

from infrastructure.postgres import Pool
from infrastructure.work_statements import (
    DUE_STATEMENT,
    OPEN_IN_CONTEXT,
    OPEN_OF_AGENTS,
    OPEN_THAT_WAIT,
    WORK_STATEMENT,
)

AGENT, QUESTION = UUID(int=1), UUID(int=2)
MANY, FEW_BLOCKS = 20_000, 150
FAR_AHEAD = 4_000_000_000_000_000
TASK = {"state": "submitted", "agent_id": str(AGENT), "context_id": "c-1", "priority": 5, "claimable_at": 0}
REST = {"lease": None, "waiting": None, "due_at": None}
LEASED = {"state": "working", "claimable_at": None, "lease": {"number": 1, "slot": 0}}
WAITING = {"state": "input_required", "claimable_at": None, "waiting": {"request_id": str(QUESTION)}}
ENDED = {"state": "completed", "claimable_at": None}


async def add(pool: Pool, kind: str, number: int, state: dict[str, object]) -> None:
    await pool.execute(
        "INSERT INTO write.aggregates (id, kind, workspace_id, revision, generation, state)"
        " SELECT gen_random_uuid(), $1, 'default', 1, 1, $3::jsonb FROM generate_series(1, $2)",
        kind,
        number,
        json.dumps(state),
    )


async def add_tasks(pool: Pool, number: int, **state: object) -> None:
    await add(pool, "task", number, TASK | REST | state)


async def add_spent_budget(pool: Pool, scope: str) -> None:
    await add(pool, "budget", 1, {"status": "exhausted", "scope": scope, "exhausted_until": FAR_AHEAD})


async def count_blocks(pool: Pool, statement: str, arguments: str, *, found: int) -> int:
    """Return how many blocks the statement reads with the plan that is kept for all arguments."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE planned AS {statement}")
        rows = await connection.fetch(f"EXECUTE planned({arguments})")
        explained = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE planned({arguments})")
        await connection.execute("DEALLOCATE planned")
    ids = rows[0][3] if statement is WORK_STATEMENT else rows
    assert len(ids) == found, rows
    plan = json.loads(explained)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def count_look(pool: Pool, *, found: int) -> int:
    """Return how many blocks a look for ten tasks of the agent reads."""
    return await count_blocks(pool, WORK_STATEMENT, f"ARRAY['{AGENT}']::uuid[], ARRAY[10], '{{}}'", found=found)


@pytest.fixture
async def tasks(pool: Pool) -> Pool:
    """Return the pool of a database with an agent that has a limit, and many of its tasks that are over."""
    agent = {"name": "a", "status": "active", "policy": {"max_concurrent_tasks": 3}}
    await pool.execute(
        "INSERT INTO write.aggregates VALUES ($1, 'agent', 'default', 1, 1, $2::jsonb)", AGENT, json.dumps(agent)
    )
    await add_tasks(pool, MANY, **ENDED)
    return pool


@pytest.mark.parametrize("scope", ["workspace", f"agent:{AGENT}"])
async def test_a_look_under_a_spent_budget_visits_none_of_the_tasks_that_it_stops(tasks: Pool, scope: str) -> None:
    await add_tasks(tasks, MANY)
    await add_spent_budget(tasks, scope)

    assert await count_look(tasks, found=0) < FEW_BLOCKS


async def test_tasks_that_are_not_ready_for_long_are_passed_over_however_urgent(tasks: Pool) -> None:
    await add_tasks(tasks, MANY, priority=9, claimable_at=FAR_AHEAD)
    await add_tasks(tasks, 20)

    assert await count_look(tasks, found=10) < FEW_BLOCKS


async def test_a_look_counts_the_places_that_are_taken_without_a_look_at_what_waits(tasks: Pool) -> None:
    await add_tasks(tasks, MANY)
    await add_tasks(tasks, 1, **LEASED)

    assert await count_look(tasks, found=10) < FEW_BLOCKS


@pytest.mark.parametrize(
    ("statement", "context", "agent", "state", "waits_for", "found"),
    [
        (OPEN_IN_CONTEXT, "'c-1'", "NULL", "NULL", "NULL", 6),
        (OPEN_IN_CONTEXT, "'c-1'", f"'{AGENT}'", "'working'", "NULL", 1),
        (OPEN_OF_AGENTS, "NULL", f"'{AGENT}'", "NULL", "NULL", 6),
        (OPEN_OF_AGENTS, "NULL", "NULL", "'input_required'", "NULL", 2),
        (OPEN_THAT_WAIT, "NULL", "NULL", "NULL", f"'{QUESTION}'", 2),
    ],
)
async def test_open_tasks_are_found_without_a_look_at_those_that_are_over(
    tasks: Pool, statement: str, context: str, agent: str, state: str, waits_for: str, found: int
) -> None:
    await add_tasks(tasks, 3)
    await add_tasks(tasks, 1, **LEASED)
    await add_tasks(tasks, 2, **WAITING)
    arguments = f"'default', {context}, {agent}, {state}, {waits_for}, '{UUID(int=0)}', 201"

    assert await count_blocks(tasks, statement, arguments, found=found) < FEW_BLOCKS


async def test_what_is_due_is_found_without_a_look_at_the_rest(tasks: Pool) -> None:
    await add_tasks(tasks, MANY, due_at=FAR_AHEAD)
    await add_tasks(tasks, 1, due_at=0)

    assert await count_blocks(tasks, DUE_STATEMENT, "100, '{}'", found=1) < FEW_BLOCKS
