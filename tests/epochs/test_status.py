"""What `bureau status` says of a line whose database went back in time."""

from bureau.local.epoch_sections import read_epoch_section
from bureau.local.line_status import read_shards
from tests.epochs.line import SHARD, Line


async def test_status_tells_of_a_lost_future_until_a_new_epoch_begins(line: Line) -> None:
    await line.lose(10)
    await line.append(3)
    section = await read_epoch_section(line.pool, line.redis)
    assert [(row["epoch"], row["ghosts"]) for row in section.rows] == [(1, 10)]
    assert any("bureau epoch bump" in problem for problem in section.problems)
    await line.bump()
    section = await read_epoch_section(line.pool, line.redis)
    assert ([(row["epoch"], row["ghosts"]) for row in section.rows], section.problems) == ([(2, 0)], ())


async def test_a_stream_of_ghosts_lags_although_its_positions_are_higher(line: Line) -> None:
    await line.lose(10)
    await line.append(3)
    await line.bump()
    shards = await read_shards(line.pool, line.redis, patience_seconds=0)
    assert [shard.shard for shard in shards if shard.stream_lag] == [SHARD]
    await line.carry()
    assert not any(shard.stream_lag for shard in await read_shards(line.pool, line.redis, patience_seconds=0))
