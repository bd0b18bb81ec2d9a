"""What `bureau status` says where a server is out of reach."""

from bureau.embedded import find_free_port
from bureau.local.line_status import read_line_status


async def test_without_redis_the_shards_are_shown_as_the_database_knows_them(database_url: str) -> None:
    line = await read_line_status(database_url, f"redis://127.0.0.1:{find_free_port()}", {}, patience_seconds=0)

    assert not line.is_healthy
    assert [shard.shard for shard in line.shards] == list(range(len(line.shards)))
    assert len(line.shards) > 1
    assert {(shard.log, shard.stream, shard.stream_lag) for shard in line.shards} == {(0, None, None)}
    assert [problem for problem in line.problems if problem.startswith("the streams cannot be read: ")]


async def test_without_postgresql_there_is_nothing_to_show_but_why(redis_url: str) -> None:
    nowhere = f"postgresql://me:secret@127.0.0.1:{find_free_port()}/bureau"

    line = await read_line_status(nowhere, redis_url, {}, patience_seconds=0)

    assert (line.is_healthy, line.shards) == (False, ())
    assert "secret" not in " ".join(line.problems)
