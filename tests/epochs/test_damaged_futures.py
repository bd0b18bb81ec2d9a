"""What a lost future left on a stream is neither mended away nor trimmed before a new epoch says what it is."""

import pytest

from contracts.streams import EntryId, stream_name
from infrastructure.stream_repair import find_damage
from infrastructure.stream_trimming import StreamFloor, read_streams, trim_streams
from tests.epochs.line import SHARD, Line
from tests.oracle import find_differences

STREAM = stream_name(SHARD)


@pytest.mark.parametrize("tail", ["whole", "deleted"])
async def test_a_trimmed_stream_of_a_lost_future_is_not_emptied(line: Line, tail: str) -> None:
    """The floor went back in time with the database, so that entries seem to be missing that were trimmed."""
    await line.redis.xtrim(STREAM, minid="1-11", approximate=False)
    await line.lose(5)
    await line.append(20)
    if tail == "deleted":
        await line.redis.xdel(STREAM, "1-20")
    (damage,) = await find_damage(line.pool, line.redis, [SHARD])
    assert not damage.is_mendable
    await line.bump()
    if tail == "whole":
        await line.carry()
        assert (await line.ids())[-1] == "2-25"


async def test_what_a_stranger_took_is_still_mended(line: Line) -> None:
    await line.redis.xdel(STREAM, "1-20")
    (damage,) = await find_damage(line.pool, line.redis, [SHARD])
    assert damage.is_mendable


async def test_ghosts_are_trimmed_with_what_is_before_the_floor_in_a_later_epoch(line: Line) -> None:
    await line.lose(10)
    await line.append(5)
    await line.bump()
    await line.carry()
    streams = await read_streams(line.redis, [SHARD])
    assert await trim_streams(line.redis, [StreamFloor(SHARD, EntryId(2, 12))], streams) == 22
    assert await line.ids() == ["2-13", "2-14", "2-15"]


async def test_a_lost_stream_is_filled_without_ghosts_after_a_bump(line: Line) -> None:
    await line.lose(10)
    await line.append(5)
    await line.bump()
    await line.carry()
    await line.redis.delete(STREAM)
    await line.carry()
    assert await line.ids() == [*(f"1-{position}" for position in range(1, 11)), *(f"2-{n}" for n in range(11, 16))]
    assert await find_differences(line.pool, line.redis) == []
