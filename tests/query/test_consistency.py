"""Consistency tokens: waited for, in time or not, with Redis or without; and tokens that mean nothing here."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from httpx2 import Response

from contracts.streams import EntryId, Token
from infrastructure import applied_positions
from infrastructure.applied_positions import AppliedPositions, open_applied_positions, wait_until_applied
from infrastructure.epochs import LostPositionError, UnknownPositionError, resolve_token
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient, open_redis
from tests.polling import poll_until
from tests.query.conftest import open_world
from tests.query.world import World, announce, id_of, move_checkpoint, positions_of, put_task_detail, shard_for, tell

TASK = f"/tasks/{id_of('t')}"
SHARD = shard_for("t")
NOWHERE_URL = "redis://127.0.0.1:1/0"


@pytest.fixture
async def deaf_world(database_url: str) -> AsyncIterator[World]:
    """Redis is down from the start."""
    async with open_world(database_url, NOWHERE_URL) as opened:
        yield opened


def ask(world: World, position: int, prefer: str = "wait=10") -> asyncio.Task[Response]:
    headers = {"Bureau-Consistency": f"1.{SHARD}:{position}", "Prefer": prefer}
    return asyncio.create_task(world.get(TASK, headers=headers))


async def waiting(world: World) -> None:
    """Return when a request waits."""
    await poll_until(lambda: positions_of(world).waiters, what="somebody waits")


def code(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_token_that_is_passed_already_is_answered_at_once(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t")
    await move_checkpoint(pool, "task_detail", SHARD, 5)

    answer = await ask(world, 5)

    assert answer.status_code == 200
    assert "Bureau-Stale" not in answer.headers
    assert answer.headers["Bureau-Consistency"] == f"1.{SHARD}:5"
    assert answer.headers["Preference-Applied"] == "wait=10"


async def test_a_request_waits_until_the_projection_has_passed_its_token(world: World, pool: Pool) -> None:
    asked = ask(world, 5)
    await waiting(world)
    await move_checkpoint(pool, "task_detail", SHARD, 4)
    await announce(world.redis, "task_detail", SHARD, 4)
    await move_checkpoint(pool, "tasks", SHARD, 9)  # another projection's position does not count
    await announce(world.redis, "tasks", SHARD, 9)
    assert not asked.done()

    await put_task_detail(pool, "t", generation=2)
    await tell(world, "task_detail", SHARD, 5, [f"task_detail/{id_of('t')}"])

    answer = await asked
    assert (answer.status_code, answer.json()["generation"]) == (200, 2)
    assert "Bureau-Stale" not in answer.headers


async def test_a_notice_alone_wakes_who_waits(pool: Pool, redis: RedisClient) -> None:
    async with open_applied_positions(pool, redis) as positions:
        await asyncio.wait_for(positions.is_listening.wait(), 10)
        waits = asyncio.create_task(wait_until_applied(positions, "tasks", {3: EntryId(1, 7)}, 30))
        await poll_until(lambda: positions.waiters)
        await redis.publish("bureau:applied", "of another form")
        await redis.publish("bureau:applied", b"\xff \xfe 1 x")
        await redis.publish("bureau:applied", "tasks 3 1 7")

        assert await waits  # no checkpoint says so: only the notice did


async def test_every_shard_of_a_token_is_waited_for(pool: Pool, redis: RedisClient) -> None:
    targets = {3: EntryId(1, 7), 4: EntryId(1, 1)}
    async with open_applied_positions(pool, redis) as positions:
        await move_checkpoint(pool, "tasks", 3, 8)
        assert not await wait_until_applied(positions, "tasks", targets, 0)

        await move_checkpoint(pool, "tasks", 4, 1)
        assert await wait_until_applied(positions, "tasks", targets, 0)


async def test_a_position_of_an_epoch_that_was_lost_satisfies_nobody(pool: Pool, redis: RedisClient) -> None:
    async with open_applied_positions(pool, redis) as positions:
        await move_checkpoint(pool, "tasks", 3, 100)
        assert not await wait_until_applied(positions, "tasks", {3: EntryId(2, 60)}, 0)

        await move_checkpoint(pool, "tasks", 3, 60, epoch=2)
        assert await wait_until_applied(positions, "tasks", {3: EntryId(2, 60)}, 0)


async def test_nobody_is_left_waiting_after_the_deadline(pool: Pool, redis: RedisClient) -> None:
    async with open_applied_positions(pool, redis) as positions:
        assert not await wait_until_applied(positions, "tasks", {3: EntryId(1, 1)}, 0.02)
        assert not positions.waiters


async def test_many_who_wait_share_their_polls(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    read, polls = applied_positions._read_checkpoints, list[set[tuple[str, int]]]()  # noqa: SLF001 - to count them

    async def read_and_note(positions: AppliedPositions, places: set[tuple[str, int]]) -> None:
        polls.append(places)
        await read(positions, places)

    async with open_applied_positions(pool, open_redis(NOWHERE_URL)) as positions:
        waits = [wait_until_applied(positions, "tasks", {shard: EntryId(1, 1)}, 30) for shard in range(16)]
        asked = asyncio.gather(*waits)
        await poll_until(lambda: len(positions.waiters) == 16)
        monkeypatch.setattr(applied_positions, "_read_checkpoints", read_and_note)
        await poll_until(lambda: len(polls) >= 3)
        assert polls == [{("tasks", shard) for shard in range(16)}] * len(polls)
        for shard in range(16):
            await move_checkpoint(pool, "tasks", shard, 1)

        assert all(await asked)


async def test_past_the_deadline_the_answer_says_that_it_is_stale(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t")
    await move_checkpoint(pool, "task_detail", SHARD, 4)

    answer = await ask(world, 5, "wait=0")

    assert (answer.status_code, answer.headers["Bureau-Stale"]) == (200, "true")
    assert answer.headers["Bureau-Consistency"] == f"1.{SHARD}:4"
    assert answer.headers["Preference-Applied"] == "wait=0"


async def test_a_stale_absence_says_that_it_is_stale(world: World) -> None:
    answer = await ask(world, 5, "wait=0")

    assert (*code(answer), answer.headers["Bureau-Stale"]) == (404, "task_not_found", "true")


async def test_a_strict_request_gets_503_instead_of_a_stale_answer(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t")

    answer = await ask(world, 5, "handling=strict, wait=0")

    assert code(answer) == (503, "stale")
    assert answer.headers["Retry-After"] == "1"
    assert answer.json()["error"]["retryable"] is True


async def test_without_redis_a_token_is_waited_for_by_polling(deaf_world: World) -> None:
    await put_task_detail(deaf_world.pool, "t")
    asked = ask(deaf_world, 5)
    await waiting(deaf_world)

    await move_checkpoint(deaf_world.pool, "task_detail", SHARD, 5)

    answer = await asked
    assert answer.status_code == 200
    assert "Bureau-Stale" not in answer.headers


@pytest.mark.faults
async def test_waiting_survives_a_database_that_refuses_for_a_while(deaf_world: World) -> None:
    await put_task_detail(deaf_world.pool, "t")
    asked = ask(deaf_world, 5, "wait=30")
    await waiting(deaf_world)
    await deaf_world.pool.execute("ALTER TABLE read.checkpoints RENAME TO hidden")
    refused = await ask(deaf_world, 5, "wait=0")

    await deaf_world.pool.execute("ALTER TABLE read.hidden RENAME TO checkpoints")
    await move_checkpoint(deaf_world.pool, "task_detail", SHARD, 5)

    assert code(refused) == (500, "internal")
    assert (await asked).status_code == 200


async def test_the_token_may_come_as_a_query_parameter(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t")

    answer = await world.get(TASK, headers={"Prefer": "wait=0"}, consistency=f"1.{SHARD}:5")

    assert answer.headers["Bureau-Stale"] == "true"


async def test_a_list_waits_for_its_own_projection(world: World, pool: Pool) -> None:
    await move_checkpoint(pool, "agents", 3, 8)
    headers = {"Bureau-Consistency": "1.3:8", "Prefer": "wait=0"}

    agents, tasks = await world.get("/agents", headers=headers), await world.get("/tasks", headers=headers)

    assert "Bureau-Stale" not in agents.headers
    assert tasks.headers["Bureau-Stale"] == "true"


async def test_a_token_that_means_nothing_here_is_refused(world: World) -> None:
    for token in ("x", "1", "1.", "1.3:", "1.3:4,", "1.3:-4", "1.3:4;5:6", "1.99:1", "2.3:1", "0.3:1"):
        assert code(await world.get("/tasks", headers={"Bureau-Consistency": token})) == (422, "invalid_token")
        alone = await world.get("/tasks", consistency=token)
        assert code(alone) == (422, "invalid_token")
        assert alone.json()["error"]["details"][0]["path"] == "query.consistency"


async def test_a_query_that_is_no_token_is_refused_beside_a_header_as_alone(world: World) -> None:
    for token in ("zz", "1", "1.3:-4"):
        both = await world.get("/tasks", headers={"Bureau-Consistency": "1.3:0"}, consistency=token)
        assert code(both) == (422, "invalid_token")
        assert both.json()["error"]["details"][0]["path"] == "query.consistency"


async def test_a_token_beyond_a_lost_epoch_is_gone(world: World, pool: Pool) -> None:
    await pool.execute("INSERT INTO log.epochs SELECT n, 2, 50 FROM generate_series(0, 15) n")

    lost = await world.get("/tasks", headers={"Bureau-Consistency": "1.3:50"})
    kept = await world.get("/tasks", headers={"Bureau-Consistency": "1.3:49", "Prefer": "wait=0"})

    assert code(lost) == (410, "consistency_epoch_lost")
    assert kept.status_code == 200


def test_a_token_resolves_to_the_epoch_in_which_each_position_stands() -> None:
    epochs = {0: [(1, 1), (2, 50)], 1: [(1, 1), (2, 10)]}

    assert resolve_token(epochs, Token(2, {0: 50, 1: 9})) == {0: EntryId(2, 50), 1: EntryId(1, 9)}
    assert resolve_token(epochs, Token(2, {0: 0})) == {}
    with pytest.raises(LostPositionError):
        resolve_token(epochs, Token(1, {0: 49, 1: 10}))
    with pytest.raises(UnknownPositionError):
        resolve_token(epochs, Token(3, {0: 1}))
    with pytest.raises(UnknownPositionError):
        resolve_token(epochs, Token(1, {2: 1}))


async def test_an_epoch_that_has_just_begun_is_known_at_once(world: World, pool: Pool) -> None:
    assert code(await world.get("/tasks", consistency="2.3:1")) == (422, "invalid_token")

    await pool.execute("INSERT INTO log.epochs SELECT n, 2, 1 FROM generate_series(0, 15) n")

    assert (await world.get("/tasks", headers={"Prefer": "wait=0"}, consistency="2.3:1")).status_code == 200
