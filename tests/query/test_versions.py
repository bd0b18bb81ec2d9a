"""Which version of a read model answers: always the one that serves, whatever a process believed or kept."""

from infrastructure.read_models import ReadModels
from infrastructure.read_queries import find_agent_detail
from infrastructure.read_statements import RowName
from infrastructure.read_versions import ReadVersion
from tests.polling import poll_until
from tests.query.versions import make_version, serve
from tests.query.world import WORKSPACE, World, add_agent, id_of, move_checkpoint, shard_for, tell

SECOND, THIRD = ReadVersion("agents", 2), ReadVersion("agents", 3)
NAME = RowName(shard_for("a"), WORKSPACE, id_of("a"))


async def _make(world: World, version: ReadVersion, status: str) -> None:
    """A version that says something else of the agent."""
    await make_version(world.pool, version, "agent_list", "agent_detail")
    for table in ("agent_list", "agent_detail"):
        await world.pool.execute(
            f"INSERT INTO {version.schema}.{table} SELECT * FROM read.{table}"  # noqa: S608 - our own tables
        )
        await world.pool.execute(
            f"UPDATE {version.schema}.{table} SET body = replace(convert_from(body, 'UTF8'), 'active', $1)::bytea",  # noqa: S608 - as above
            status,
        )


async def test_a_find_answers_from_the_version_that_serves_though_it_believed_in_another(world: World) -> None:
    await add_agent(world.pool, "a")
    await move_checkpoint(world.pool, "agents", NAME.shard, 5)
    await _make(world, SECOND, "second")
    models = ReadModels(world.pool)
    first = await find_agent_detail(models, NAME)
    assert first is not None
    assert b'"active"' in first.body

    await serve(world.pool, SECOND)
    await world.pool.execute("UPDATE read.checkpoints SET position = 6 WHERE projection = 'agents' AND version = 2")
    second = await find_agent_detail(models, NAME)

    assert second is not None
    assert b'"second"' in second.body
    assert second.covers.token is not None
    assert second.covers.token.positions == {NAME.shard: 6}
    assert models.serving == {"agents": 2}


async def test_a_find_goes_on_where_the_tables_of_the_version_it_believed_in_are_gone(world: World) -> None:
    await add_agent(world.pool, "a")
    await _make(world, SECOND, "second")
    await _make(world, THIRD, "third")
    await serve(world.pool, SECOND)
    models = ReadModels(world.pool)
    await find_agent_detail(models, NAME)

    await serve(world.pool, THIRD)
    await world.pool.execute(f"DROP SCHEMA {SECOND.schema} CASCADE")
    third = await find_agent_detail(models, NAME)

    assert third is not None
    assert b'"third"' in third.body


async def test_what_was_kept_of_an_old_version_is_not_shown_after_the_switch(world: World) -> None:
    await add_agent(world.pool, "a")
    await tell(world, "agents", NAME.shard, 5)
    for _ in range(2):
        assert (await world.get("/agents")).json()["data"][0]["status"] == "active"
    assert await world.redis.keys("bureau:cache:agent_list/*")
    await _make(world, SECOND, "paused")

    await serve(world.pool, SECOND)

    async def shows_second() -> bool:
        return bool((await world.get("/agents")).json()["data"][0]["status"] == "paused")

    await poll_until(shows_second, what="the list of the second version")
    assert (await world.get(f"/agents/{id_of('a')}")).json()["status"] == "paused"
    assert await world.redis.keys("bureau:cache:agent_list/*@2")


async def test_a_token_that_the_new_version_covers_is_never_answered_from_the_old_ones_cache(world: World) -> None:
    await add_agent(world.pool, "a")
    await tell(world, "agents", NAME.shard, 5)
    assert (await world.get("/agents")).json()["data"][0]["status"] == "active"
    await _make(world, SECOND, "paused")
    await serve(world.pool, SECOND)
    await world.pool.execute("UPDATE read.checkpoints SET position = 6 WHERE projection = 'agents' AND version = 2")

    answer = await world.get("/agents", consistency=f"1.{NAME.shard}:6")

    assert answer.status_code == 200
    assert answer.json()["data"][0]["status"] == "paused"
    assert "Bureau-Stale" not in answer.headers
