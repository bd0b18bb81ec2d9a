"""The guard of the one call that saves: what budgets allowed is committed before they change, or decided on again."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from contracts.streams import shard_of
from infrastructure.postgres import Pool
from infrastructure.write_store import (
    SPENT,
    AggregateChange,
    BudgetGuard,
    EventRecord,
    Write,
    WriteConflictError,
    save_command,
)
from tests.polling import poll_until
from tests.roots import new_id
from tests.servers import TEST_SHARDS
from tests.write_path.writes import Version, as_pool, command_key, make_write

BUDGET = UUID(int=7)
SCOPES = ("task:t", "workspace")
SEEN = BudgetGuard(SCOPES, [(BUDGET, 1)])
UNSEEN = BudgetGuard(SCOPES)


def budget_write(
    key: str,
    revision: int,
    generation: int,
    *,
    budget: UUID = BUDGET,
    has_event: bool = True,
    workspace: str = "default",
    **state: str,
) -> Write:
    """Return a write of a budget, of whose revisions only some bring an event."""
    body = orjson.dumps({"scope": "workspace", "status": "active", "spent": "0", **state}).decode()
    shard = shard_of(budget, TEST_SHARDS)
    event = EventRecord(shard, new_id(random.Random(key)), "budget.t", "budget", budget, generation, budget, b"{}")
    return Write(
        key=command_key(key)._replace(workspace_id=workspace),
        fingerprint=b"",
        result=b"{}",
        changes=[AggregateChange(budget, "budget", revision, generation, body)],
        messages=[],
        events=[event] if has_event else [],
        shards=frozenset({shard}),
    )


def lease_write(key: str, guard: BudgetGuard) -> Write:
    """Return a write of a new task, saved only where the guard holds."""
    randomness = random.Random(key)
    return make_write(key, [Version(new_id(randomness))], randomness)._replace(guard=guard)


def spend_write(
    key: str, amount: str, *, generation: int = 1, below: str | None = None, began: str | None = None
) -> Write:
    """Return a write that only adds to what was spent of the budget."""
    spend = orjson.dumps({"amount": amount, "window_began": began, "below": below}).decode()
    write = budget_write(key, 1, generation, has_event=False)
    return write._replace(changes=[AggregateChange(BUDGET, "budget", SPENT, generation, spend)])


async def read_spent(pool: Pool) -> str:
    return str(await pool.fetchval("SELECT state ->> 'spent' FROM write.aggregates WHERE id = $1", BUDGET))


async def is_written(pool: Pool, key: str) -> bool:
    return bool(await pool.fetchval("SELECT count(*) FROM write.receipts WHERE key = $1", key))


async def is_waiting(pool: Pool) -> bool:
    """Tell whether somebody waits for the workspace's budgets."""
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1112888662 AND NOT granted"
    return bool(await pool.fetchval(waiting))


@asynccontextmanager
async def transaction(url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """Yield a connection inside a transaction that is committed at the end."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            yield connection
    finally:
        await connection.close()


@pytest.fixture
async def budget(pool: Pool) -> None:
    await save_command(pool, budget_write("set", 0, 1))


@pytest.mark.usefixtures("budget")
async def test_a_budget_that_had_an_event_since_is_a_conflict_and_one_that_was_spent_from_is_none(pool: Pool) -> None:
    await save_command(pool, budget_write("spend", 1, 1, has_event=False))
    await save_command(pool, lease_write("before", SEEN))
    await save_command(pool, budget_write("breach", 2, 2))

    with pytest.raises(WriteConflictError):
        await save_command(pool, lease_write("after", SEEN))

    assert await is_written(pool, "before")
    assert not await is_written(pool, "after")
    await save_command(pool, lease_write("anew", BudgetGuard(SCOPES, [(BUDGET, 2)])))


@pytest.mark.usefixtures("budget")
async def test_a_budget_that_was_not_seen_is_a_conflict(pool: Pool) -> None:
    with pytest.raises(WriteConflictError):
        await save_command(pool, lease_write("lease", UNSEEN))

    assert not await is_written(pool, "lease")


async def test_budgets_that_bound_something_else_are_no_conflict(pool: Pool) -> None:
    await save_command(pool, budget_write("elsewhere", 0, 1, workspace="elsewhere"))
    await save_command(pool, lease_write("lease", UNSEEN))
    await save_command(pool, budget_write("other", 0, 1, budget=UUID(int=8), scope="task:other"))
    await save_command(pool, lease_write("lease 2", UNSEEN))
    await save_command(pool, budget_write("set", 0, 1, budget=UUID(int=9)))
    await save_command(pool, budget_write("remove", 1, 2, budget=UUID(int=9), status="removed"))
    await save_command(pool, lease_write("lease 3", UNSEEN))

    assert await is_written(pool, "lease 3")


@pytest.mark.usefixtures("budget")
async def test_a_lease_waits_for_a_breach_that_is_about_to_commit_and_is_then_refused(
    pool: Pool, database_url: str
) -> None:
    async with transaction(database_url) as connection:
        await save_command(as_pool(connection), budget_write("breach", 1, 2))
        lease = asyncio.create_task(save_command(pool, lease_write("lease", SEEN)))
        await poll_until(lambda: is_waiting(pool))

    with pytest.raises(WriteConflictError):
        await lease
    assert not await is_written(pool, "lease")


@pytest.mark.usefixtures("budget")
async def test_a_breach_waits_for_a_lease_that_is_about_to_commit(pool: Pool, database_url: str) -> None:
    async with transaction(database_url) as connection:
        await save_command(as_pool(connection), lease_write("lease", SEEN))
        breach = asyncio.create_task(save_command(pool, budget_write("breach", 1, 2)))
        await poll_until(lambda: is_waiting(pool))
        assert not await is_written(pool, "breach")

    await breach
    assert await is_written(pool, "lease")


@pytest.mark.usefixtures("budget")
async def test_leases_and_ordinary_spending_do_not_wait_for_each_other(pool: Pool, database_url: str) -> None:
    async with transaction(database_url) as connection, transaction(database_url) as other:
        await save_command(as_pool(connection), lease_write("lease 1", SEEN))
        await save_command(as_pool(other), budget_write("spend", 1, 1, has_event=False))
        # Only a lease whose shard is another waits for neither.
        used = lease_write("lease 1", SEEN).shards
        key = next(key for key in map(str, range(1000)) if not lease_write(key, SEEN).shards & used)
        async with asyncio.timeout(10):
            await save_command(pool, lease_write(key, SEEN))
        assert await is_written(pool, key)


@pytest.mark.usefixtures("budget")
async def test_what_is_spent_adds_up_whatever_the_revision(pool: Pool) -> None:
    amounts = ["0.1", "0.25", "2", "0.000000001"]

    await asyncio.gather(*(save_command(pool, spend_write(amount, amount, below="10")) for amount in amounts))

    assert await read_spent(pool) == "2.350000001"


@pytest.mark.usefixtures("budget")
async def test_a_spend_is_a_conflict_where_it_would_reach_what_it_must_stay_below(pool: Pool) -> None:
    await save_command(pool, spend_write("first", "5", below="8"))

    with pytest.raises(WriteConflictError):
        await save_command(pool, spend_write("second", "3", below="8"))

    assert await read_spent(pool) == "5"
    await save_command(pool, spend_write("third", "3"))
    assert await read_spent(pool) == "8"


@pytest.mark.usefixtures("budget")
async def test_a_spend_is_a_conflict_where_the_budget_had_an_event_or_another_window_began(pool: Pool) -> None:
    for other in (spend_write("later", "1", generation=2), spend_write("window", "1", began="2026-11-22T00:00:00Z")):
        with pytest.raises(WriteConflictError):
            await save_command(pool, other)

    assert await read_spent(pool) == "0"
