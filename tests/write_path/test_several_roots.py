"""Commands that change several aggregates in several shards at once, each in an order of its own."""

import asyncio
import random
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import pytest

from infrastructure.postgres import Pool, open_pool
from infrastructure.write_store import WriteConflictError, save_command
from tests.polling import poll_until
from tests.roots import new_id, root_in
from tests.write_path.agents import register_agents, update_agents
from tests.write_path.history import count_deadlocks, find_faults
from tests.write_path.writes import Version, as_pool, carry_out, make_write

_WORKERS, _COMMANDS = 10, 12


@pytest.fixture
def roots(randomness: random.Random) -> list[UUID]:
    """Eight roots, two in a shard."""
    return [root_in(shard, randomness) for shard in (1, 4, 9, 14) for _ in range(2)]


async def _change_some(url: str, worker: int, roots: Sequence[UUID]) -> None:
    randomness = random.Random(worker)
    pool = await open_pool(url, size=1, application_name="several roots")
    for number in range(_COMMANDS):
        chosen = randomness.sample(roots, randomness.randint(2, 5))
        await carry_out(pool, f"{worker}-{number}", chosen, randomness, events=2)
    await pool.close()


async def test_commands_on_several_roots_in_any_order_meet_without_a_single_deadlock(
    database_url: str, pool: Pool, roots: list[UUID]
) -> None:
    async with asyncio.TaskGroup() as group:
        for worker in range(_WORKERS):
            group.create_task(_change_some(database_url, worker, roots))
    assert await pool.fetchval("SELECT count(*) FROM write.receipts") == _WORKERS * _COMMANDS
    assert await find_faults(pool) == []
    assert await count_deadlocks(pool) == 0


async def _update_some(url: str, worker: int, agents: Sequence[UUID]) -> None:
    randomness = random.Random(worker)
    pool = await open_pool(url, size=1, application_name="several roots")
    for number in range(_COMMANDS):
        chosen = randomness.sample(agents, randomness.randint(2, 5))
        await update_agents(pool, f"{worker}-{number}", chosen)
    await pool.close()


async def test_batches_through_the_service_in_any_order_are_each_carried_out_whole_and_once(
    database_url: str, pool: Pool, roots: list[UUID]
) -> None:
    await register_agents(pool, "registration", roots)
    async with asyncio.TaskGroup() as group:
        for worker in range(_WORKERS):
            group.create_task(_update_some(database_url, worker, roots))
    assert await pool.fetchval("SELECT count(*) FROM write.receipts") == _WORKERS * _COMMANDS + 1
    assert await find_faults(pool) == []
    assert await count_deadlocks(pool) == 0


async def test_transactions_that_take_aggregates_crosswise_are_parted_and_both_end_well(
    database_url: str, pool: Pool, roots: list[UUID], randomness: random.Random
) -> None:
    """Only a client with an explicit transaction can do this; the database breaks the tie, the loser comes again."""
    left, right = roots[0], roots[-1]
    first, second = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    outer, inner = first.transaction(), second.transaction()
    await outer.start()
    await inner.start()
    await save_command(as_pool(first), make_write("first-left", [Version(left)], randomness))
    await save_command(as_pool(second), make_write("second-right", [Version(right)], randomness))
    crossing = [
        asyncio.create_task(save_command(as_pool(first), make_write("first-right", [Version(right)], randomness))),
        asyncio.create_task(save_command(as_pool(second), make_write("second-left", [Version(left)], randomness))),
    ]
    await asyncio.wait(crossing, return_when=asyncio.FIRST_EXCEPTION, timeout=10)
    lost = [isinstance(task.exception() if task.done() else None, WriteConflictError) for task in crossing]
    await (outer.rollback() if lost[0] else inner.rollback())
    winner = crossing[1 if lost[0] else 0]
    await winner
    await (inner.commit() if lost[0] else outer.commit())
    await first.close()
    await second.close()
    assert sorted(lost) == [False, True]
    for key, root in (("first-left", left), ("second-right", right), ("first-right", right), ("second-left", left)):
        await carry_out(pool, key, [root], randomness)
    assert await pool.fetchval("SELECT count(*) FROM write.receipts") == 4
    assert await find_faults(pool) == []


async def test_a_command_waits_for_a_shard_and_not_for_one_that_it_does_not_touch(
    database_url: str, pool: Pool, randomness: random.Random
) -> None:
    holder = await asyncpg.connect(database_url)
    async with holder.transaction():
        held = make_write("holder", [Version(root_in(4, randomness))], randomness)
        await save_command(as_pool(holder), held)
        await carry_out(pool, "elsewhere", [root_in(5, randomness)], randomness)
        waiting = asyncio.create_task(carry_out(pool, "behind", [root_in(4, randomness)], randomness))
        await poll_until(
            lambda: pool.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"),
            what="the second command waits for the shard",
        )
        assert not waiting.done()
    token = await waiting
    await holder.close()
    assert token.positions == {4: 2}
    assert await find_faults(pool) == []


async def test_a_command_that_fails_in_its_second_shard_leaves_nothing_in_the_first(
    pool: Pool, randomness: random.Random
) -> None:
    await pool.execute("UPDATE log.floors SET position = 900000000 WHERE shard = 9")
    roots = [root_in(1, randomness), root_in(9, randomness)]
    with pytest.raises(asyncpg.CheckViolationError, match="no partition"):
        await save_command(pool, make_write("broken", [Version(root) for root in roots], randomness))
    assert await pool.fetchval("SELECT count(*) FROM log.events") == 0
    assert await pool.fetchval("SELECT count(*) FROM write.aggregates") == 0
    assert await pool.fetchval("SELECT count(*) FROM write.receipts") == 0
    token = await carry_out(pool, "whole", [roots[0], new_id(randomness)], randomness)
    assert token.positions[1] == 1
