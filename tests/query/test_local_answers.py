"""The level of the cache in the process itself: as good as the notices, and silent without them."""

import pytest

from contracts.streams import EntryId, Token
from infrastructure.answer_cache import Answer, CachePlace
from infrastructure.local_answers import LocalAnswers, Roots, open_local_answers
from infrastructure.postgres import Pool
from tests.polling import poll_until
from tests.private_servers import PrivateValkey
from tests.query.conftest import open_world
from tests.query.world import World, announce, id_of, positions_of, put_task_detail, shard_for, tell

PLACE = CachePlace("tag", "variant")
ANSWER = Answer(b"{}", '"e"', Token(1, {3: 5}))
ROOT, LIST = Roots("tasks", 3), Roots("tasks", None)
TASK = f"/tasks/{id_of('t')}"


@pytest.fixture
async def local(world: World) -> LocalAnswers:
    return open_local_answers(positions_of(world))


def _kept(local: LocalAnswers, roots: Roots) -> None:
    version = local.version(roots)
    assert version is not None
    local.keep(PLACE, version, ANSWER)


def _shown(local: LocalAnswers, roots: Roots) -> Answer | None:
    version = local.version(roots)
    return None if version is None else local.look_up(PLACE, version)


@pytest.mark.parametrize(
    ("roots", "projection", "shard", "is_shown"),
    [
        (ROOT, "tasks", 3, False),
        (ROOT, "tasks", 4, True),
        (ROOT, "agents", 3, True),
        (LIST, "tasks", 4, False),
        (LIST, "agents", 4, True),
    ],
)
async def test_an_entry_ends_with_the_next_notice_of_its_roots(
    world: World, local: LocalAnswers, roots: Roots, projection: str, shard: int, is_shown: bool
) -> None:
    _kept(local, roots)
    assert _shown(local, roots) == ANSWER

    await tell(world, projection, shard, 9)

    assert (_shown(local, roots) is not None) is is_shown


async def test_a_notice_between_read_and_keep_makes_the_entry_useless(world: World, local: LocalAnswers) -> None:
    version = local.version(ROOT)
    assert version is not None
    await tell(world, "tasks", 3, 9)

    local.keep(PLACE, version, ANSWER)

    assert _shown(local, ROOT) is None


async def test_an_entry_is_served_for_a_second_at_most(local: LocalAnswers, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("infrastructure.local_answers.monotonic_seconds", lambda: clock[0])
    _kept(local, ROOT)

    clock[0] = 0.99
    assert _shown(local, ROOT) == ANSWER
    clock[0] = 1.01
    assert _shown(local, ROOT) is None


async def test_there_is_only_so_much_room(local: LocalAnswers) -> None:
    version = local.version(ROOT)
    assert version is not None
    for n in range(513):
        local.keep(CachePlace("tag", str(n)), version, ANSWER)
    local.keep(PLACE, version, ANSWER._replace(body=b"x" * 65_537))

    assert local.look_up(CachePlace("tag", "0"), version) is None
    assert local.look_up(CachePlace("tag", "512"), version) == ANSWER
    assert local.look_up(PLACE, version) is None


async def test_a_hot_answer_needs_neither_redis_nor_database(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t")
    await world.get(TASK)
    await pool.execute("DELETE FROM read.task_detail")
    await world.redis.delete(f"bureau:cache:task_detail/{id_of('t')}")

    assert (await world.get(TASK)).status_code == 200


async def test_a_token_that_an_entry_does_not_cover_goes_past_it(world: World, pool: Pool) -> None:
    shard = shard_for("t")
    await put_task_detail(pool, "t", generation=1)
    await tell(world, "task_detail", shard, 1)
    await world.get(TASK)
    await put_task_detail(pool, "t", generation=2)
    await pool.execute("UPDATE read.checkpoints SET position = 2")  # committed, and nobody is told yet

    answer = await world.get(TASK, headers={"Bureau-Consistency": f"1.{shard}:2"})

    assert answer.json()["generation"] == 2
    assert answer.headers["Bureau-Consistency"] == f"1.{shard}:2"


async def test_a_token_of_another_shard_does_not_keep_a_hot_answer_from_being_served(world: World, pool: Pool) -> None:
    other = (shard_for("t") + 1) % 16
    await put_task_detail(pool, "t")
    await tell(world, "task_detail", shard_for("t"), 1)
    await tell(world, "task_detail", other, 7)
    await world.get(TASK)
    await pool.execute("DELETE FROM read.task_detail")
    await world.redis.flushdb()

    assert (await world.get(TASK, headers={"Bureau-Consistency": f"1.{other}:7"})).status_code == 200


@pytest.mark.faults
async def test_nothing_is_served_while_nobody_says_what_is_out_of_date(
    database_url: str, private_valkey: PrivateValkey
) -> None:
    async with open_world(database_url, private_valkey.redis_url) as world:
        positions = positions_of(world)
        local = open_local_answers(positions)
        await poll_until(positions.is_listening.is_set)
        _kept(local, ROOT)

        private_valkey.kill()
        await poll_until(lambda: not positions.is_listening.is_set(), what="the end is noticed")
        assert _shown(local, ROOT) is None

        private_valkey.start()
        await poll_until(positions.is_listening.is_set, what="it listens again")
        assert _shown(local, ROOT) is None  # what was said meanwhile was not heard

        await announce(world.redis, "tasks", 3, 9)
        await poll_until(lambda: positions.known.get(("tasks", 3)) == EntryId(1, 9), what="notices are heard again")
