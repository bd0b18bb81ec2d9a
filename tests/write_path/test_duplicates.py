"""The same command sent again, at once or after an answer that never came, is carried out once."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from infrastructure.command_loads import LoadRequest, load_command
from infrastructure.postgres import Pool, open_pool
from infrastructure.write_store import DuplicateReceiptError, StoreUnavailableError, WriteConflictError, save_command
from tests.polling import poll_until
from tests.roots import new_id, root_in
from tests.write_path.agents import register_agents, update_agents
from tests.write_path.history import find_faults
from tests.write_path.writes import Version, carry_out, command_key, make_write

_SHARD = 6
_CLASS = 1112888661


async def test_of_twenty_equal_commands_at_once_one_is_committed_and_the_others_are_told(
    pool: Pool, randomness: random.Random
) -> None:
    writes = [make_write("same", [Version(new_id(randomness))], randomness, events=2) for _ in range(20)]
    answers = await asyncio.gather(*(save_command(pool, write) for write in writes), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, DuplicateReceiptError)]
    assert len(refused) == 19
    assert await pool.fetchval("SELECT count(*) FROM log.events") == 2
    assert await pool.fetchval("SELECT count(*) FROM write.aggregates") == 1
    assert await find_faults(pool) == []


async def test_of_twenty_equal_commands_on_one_aggregate_one_is_committed_and_nineteen_load_again(
    pool: Pool, randomness: random.Random
) -> None:
    root = new_id(randomness)
    writes = [make_write("same", [Version(root)], randomness) for _ in range(20)]
    answers = await asyncio.gather(*(save_command(pool, write) for write in writes), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, DuplicateReceiptError | WriteConflictError)]
    assert len(refused) == 19
    assert await pool.fetchval("SELECT count(*) FROM log.events") == 1
    assert await find_faults(pool) == []


async def test_twenty_equal_requests_through_the_service_get_one_answer(pool: Pool, randomness: random.Random) -> None:
    agents = [new_id(randomness) for _ in range(3)]
    await register_agents(pool, "registration", agents)
    answers = await asyncio.gather(*(update_agents(pool, "same", agents) for _ in range(20)))
    assert len({str((answer.result, answer.token)) for answer in answers}) == 1
    assert sorted(answer.is_replayed for answer in answers) == [False] + [True] * 19
    assert await pool.fetchval("SELECT count(*) FROM log.events") == 6
    assert await find_faults(pool) == []


@asynccontextmanager
async def _taken_shard(url: str) -> AsyncIterator[None]:
    """Hold a shard's lock, so that a command stops inside the database, before anything of it is committed."""
    holder = await asyncpg.connect(url)
    try:
        async with holder.transaction():
            await holder.execute(f"SELECT pg_advisory_xact_lock({_CLASS}, {_SHARD})")
            yield
    finally:
        await holder.close()


async def _backend_in_wait(pool: Pool) -> int:
    found = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    process: int = await poll_until(lambda: pool.fetchval(found), what="a command waits for its shard")
    return process


async def test_a_command_whose_backend_was_terminated_left_nothing_and_the_retry_carries_it_out(
    database_url: str, pool: Pool, randomness: random.Random
) -> None:
    root = root_in(_SHARD, randomness)
    async with _taken_shard(database_url):
        lost = asyncio.create_task(save_command(pool, make_write("lost", [Version(root)], randomness)))
        await pool.execute("SELECT pg_terminate_backend($1)", await _backend_in_wait(pool))
        answer = await asyncio.gather(lost, return_exceptions=True)
    assert isinstance(answer[0], StoreUnavailableError)
    assert (await load_command(pool, LoadRequest(command_key("lost"), [root]))).receipt is None
    token = await carry_out(pool, "lost", [root], randomness)
    assert token.positions == {_SHARD: 1}
    assert await find_faults(pool) == []


async def test_a_command_whose_client_vanished_before_the_answer_is_found_by_its_receipt(
    database_url: str, pool: Pool, randomness: random.Random
) -> None:
    root = root_in(_SHARD, randomness)
    client = await open_pool(database_url, size=1, application_name="vanishing client")
    async with _taken_shard(database_url):
        lost = asyncio.create_task(save_command(client, make_write("lost", [Version(root)], randomness)))
        await _backend_in_wait(pool)
        client.terminate()
        answer = await asyncio.gather(lost, return_exceptions=True)
    assert isinstance(answer[0], StoreUnavailableError)

    receipts = "SELECT count(*) FROM write.receipts WHERE key = 'lost'"
    await poll_until(lambda: pool.fetchval(receipts), what="the backend went on without its client and committed")
    token = await carry_out(pool, "lost", [root], randomness)
    assert token.positions == {_SHARD: 1}
    assert await pool.fetchval("SELECT count(*) FROM log.events") == 1
    assert await find_faults(pool) == []


async def _terminate_at_random(pool: Pool, victims: str, randomness: random.Random, stop: asyncio.Event) -> int:
    terminated = 0
    find = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 ORDER BY random() LIMIT 1"
    )
    count = "SELECT count(*) FROM write.receipts"
    while not stop.is_set():
        before = await pool.fetchval(count)
        terminated += bool(await pool.fetchval(find, victims))
        # The pace is that of the commands, not of the clock: on a busy machine nothing would ever come through.
        for _ in range(20):
            await asyncio.sleep(0.01 + randomness.random() * 0.03)
            if stop.is_set() or await pool.fetchval(count) > before:
                break
    return terminated


async def _send_many(url: str, worker: int, roots: list[UUID]) -> None:
    randomness = random.Random(worker)
    client = await open_pool(url, size=2, application_name="victim")
    for number in range(20):
        await carry_out(client, f"{worker}-{number}", randomness.sample(roots, 2), randomness)
    client.terminate()


async def test_commands_are_carried_out_once_each_while_their_connections_die_at_random(
    database_url: str, pool: Pool, randomness: random.Random
) -> None:
    roots = [new_id(randomness) for _ in range(12)]
    stop = asyncio.Event()
    killer = asyncio.create_task(_terminate_at_random(pool, "victim", randomness, stop))
    async with asyncio.TaskGroup() as group:
        for worker in range(8):
            group.create_task(_send_many(database_url, worker, roots))
    stop.set()
    assert await killer > 5
    assert await pool.fetchval("SELECT count(*) FROM write.receipts") == 8 * 20
    assert await pool.fetchval("SELECT count(*) FROM log.events") == 8 * 20 * 2
    assert await find_faults(pool) == []
