"""What `bureau status` says where a server is out of reach."""

from random import Random

from bureau.embedded import find_free_port
from bureau.local.line_status import read_line_status
from infrastructure.postgres import open_pool
from tests.polling import poll_until
from tests.projectors.conftest import start_projectors
from tests.projectors.stories import task_story, write
from tests.relay.conftest import start_relay
from tests.roots import root_in


async def test_without_redis_the_shards_are_shown_as_the_database_knows_them(database_url: str) -> None:
    line = await read_line_status(database_url, f"redis://127.0.0.1:{find_free_port()}", {}, patience_seconds=0)

    assert not line.is_healthy
    assert [shard.shard for shard in line.shards] == list(range(len(line.shards)))
    assert len(line.shards) > 1
    assert {(shard.log, shard.stream, shard.stream_lag) for shard in line.shards} == {(0, None, None)}
    assert [problem for problem in line.problems if problem.startswith("the streams cannot be read: ")]


async def test_a_service_without_a_projector_is_not_healthy(database_url: str, redis_url: str) -> None:
    """Of what never began there is no checkpoint that could lag."""
    randomness = Random(20261122)
    async with start_relay(database_url, redis_url):
        line = await read_line_status(database_url, redis_url, {}, patience_seconds=0)
        assert [each for each in line.problems if each.startswith("no projector works on any shard: start one")]
        pool = await open_pool(database_url, size=1, application_name="status test")
        await write(pool, task_story(randomness, root_in(3, randomness))[:2])
        await pool.close()
        line = await read_line_status(database_url, redis_url, {}, patience_seconds=5)
        assert [shard.checkpoint_lag["task_timeline"] for shard in line.shards if shard.lag] == [2]
        assert "shard 3 lags by 2" in line.problems
        async with start_projectors(database_url, redis_url, is_sharing=True):

            async def is_healthy() -> bool:
                return (await read_line_status(database_url, redis_url, {}, patience_seconds=5)).is_healthy

            assert await poll_until(is_healthy)


async def test_without_postgresql_there_is_nothing_to_show_but_why(redis_url: str) -> None:
    nowhere = f"postgresql://me:secret@127.0.0.1:{find_free_port()}/bureau"

    line = await read_line_status(nowhere, redis_url, {}, patience_seconds=0)

    assert (line.is_healthy, line.shards) == (False, ())
    assert "secret" not in " ".join(line.problems)
