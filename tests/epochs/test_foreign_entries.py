"""What a stranger put onto a stream is told from a lost future: no epoch begins over it, and a refill takes it away."""

import asyncio
import time
from typing import Any

import pytest

import infrastructure.forks
from bureau.local.epoch_sections import read_epoch_section
from contracts.streams import EntryId, stream_name
from infrastructure.cluster_identity import ClusterChangedError, admit_cluster
from infrastructure.epoch_bump import StrangeStreamError, begin_epoch, plan_bump
from infrastructure.forks import find_forks
from infrastructure.log_batches import read_batches
from infrastructure.strangers import is_impossible
from infrastructure.stream_repair import clear_stream, find_damage, plan_refill
from tests.epochs.line import OTHER, SHARD, SHARDS, Line
from tests.epochs.running import run_epoch
from tests.oracle import find_differences

STREAM = stream_name(SHARD)
FIELDS: dict[Any, Any] = {"event_id": "00000000-0000-0000-0000-000000000001", "__data__": "{}"}

STRANGERS: dict[str, tuple[str, dict[Any, Any]]] = {
    "of the clock": ("*", {"a": "b"}),
    "of the clock, with our fields": ("*", FIELDS),
    "the largest there is": (f"{2**64 - 1}-{2**64 - 1}", FIELDS),
    "of a far epoch": ("1500-21", FIELDS),
    "without our fields": ("1-21", {"a": "b"}),
}


@pytest.mark.parametrize(
    ("entry", "newest", "expected"),
    [
        (EntryId(0, 0), 1, False),
        (EntryId(1, 1), 1, False),
        (EntryId(1001, 1), 1, False),
        (EntryId(1002, 1), 1, True),
        (EntryId(3, 0), 3, True),
        (EntryId(0, 3), 3, True),
        (EntryId(2**31, 3), 2**31 - 1, True),
        (EntryId(1, 2**63), 1, True),
    ],
)
def test_ids_that_no_log_gives_out_are_told_from_those_of_forgotten_epochs(
    entry: EntryId, newest: int, *, expected: bool
) -> None:
    assert is_impossible(entry, newest) is expected


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS.keys())
async def test_a_strangers_entry_is_told_and_no_epoch_begins_over_it(
    line: Line, stranger: tuple[str, dict[Any, Any]]
) -> None:
    entry_id, fields = stranger
    shown = plan_bump(await find_forks(line.pool, line.redis))
    await line.redis.xadd(STREAM, fields, id=entry_id)
    async with asyncio.timeout(5):
        forks = await find_forks(line.pool, line.redis)
    assert [fork.shard for fork in forks if fork.strange] == [SHARD]
    assert f"`bureau streams refill {SHARD}`" in forks[SHARD].strange
    assert not any(fork.is_lost for fork in forks)
    assert plan_bump(forks).epoch == 2
    with pytest.raises(StrangeStreamError, match="nothing was changed"):
        await begin_epoch(line.pool, line.redis, shown, "a test")
    assert await line.pool.fetchval("SELECT max(epoch) FROM log.epochs") == 1
    section = await read_epoch_section(line.pool, line.redis)
    [problem] = section.problems
    assert f"`bureau streams refill {SHARD}`" in problem


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS.keys())
async def test_a_refill_takes_a_strangers_entry_away_and_readers_of_it_miss_nothing(
    line: Line, stranger: tuple[str, dict[Any, Any]]
) -> None:
    entry_id, fields = stranger
    await line.redis.xgroup_create(STREAM, "done", id="0")
    await line.redis.xgroup_create(STREAM, "busy", id="1-20")
    ghost = await line.redis.xadd(STREAM, fields, id=entry_id)
    for group in ("done", "busy"):
        await line.redis.xreadgroup(group, "one", {STREAM: ">"})
    await line.redis.xack(STREAM, "done", *(f"1-{n}" for n in range(1, 21)), ghost)
    refill = await plan_refill(line.pool, line.redis, SHARD)
    assert refill is not None
    assert (refill.agreed, refill.has_log_the_end) == (EntryId(1, 20), False)
    assert await clear_stream(line.redis, SHARD, refill.shape, refill.agreed)
    await line.carry()
    await line.append(2)
    await line.carry()
    assert await find_differences(line.pool, line.redis) == []
    groups: Any = await line.redis.xinfo_groups(STREAM)
    assert {group["name"]: group["last-delivered-id"] for group in groups} == {b"busy": b"1-20", b"done": b"1-20"}
    assert not any(fork.strange or fork.ghosts for fork in await find_forks(line.pool, line.redis))


async def test_the_log_is_read_for_every_shard_although_the_end_of_one_stream_is_beyond_any_column(line: Line) -> None:
    ends = {SHARD: EntryId(2**64 - 1, 2**64 - 1), OTHER: EntryId(1, 3)}
    batches = {batch.shard: batch for batch in await read_batches(line.pool, ends, limit=9, max_bytes=1_000_000)}
    assert (batches[SHARD].predecessor_id, batches[SHARD].ids) == ("", [])
    assert batches[OTHER].ids == ["1-4", "1-5"]


async def test_a_check_of_the_streams_names_an_id_that_no_log_gives_out(line: Line) -> None:
    await line.redis.xadd(STREAM, {"a": "b"})
    (damage,) = await find_damage(line.pool, line.redis, SHARDS)
    assert (damage.shard, damage.is_mendable) == (SHARD, False)
    assert "a stranger's" in damage.words


async def test_a_changed_cluster_is_not_admitted_over_a_strangers_entry(line: Line) -> None:
    await admit_cluster(line.redis, line.pool)
    await line.pool.execute("UPDATE log.clusters SET system_identifier = '7'")
    await line.redis.xadd(STREAM, {"a": "b"})
    with pytest.raises(ClusterChangedError, match=f"bureau streams refill {SHARD}"):
        await admit_cluster(line.redis, line.pool)


async def test_epoch_show_and_bump_name_the_refill_at_once(line: Line, database_url: str, redis_url: str) -> None:
    await line.redis.xadd(STREAM, {"a": "b"})
    started = time.monotonic()
    shown = await asyncio.to_thread(run_epoch, database_url, redis_url, "show")
    assert (shown.code, shown.data["next_epoch"]) == (1, 2)
    assert f"`bureau streams refill {SHARD}`" in shown.data["shards"][SHARD]["strange"]
    refused = await asyncio.to_thread(run_epoch, database_url, redis_url, "bump", "--yes")
    assert (refused.code, refused.data) == (1, {})
    assert f"`bureau streams refill {SHARD}`" in refused.words
    assert time.monotonic() - started < 20
    assert await line.pool.fetchval("SELECT max(epoch) FROM log.epochs") == 1


async def test_what_comes_onto_the_streams_during_a_look_is_no_lost_future(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events are written and carried before the streams are read, and again before anything that is read after."""
    look = infrastructure.forks._look_at_streams  # noqa: SLF001 - the moment between two readings

    async def look_in_a_busy_moment(*arguments: Any) -> Any:  # noqa: ANN401 - handed through
        await line.append(3)
        await line.carry()
        seen = await look(*arguments)
        await line.append(2)
        await line.carry()
        return seen

    monkeypatch.setattr(infrastructure.forks, "_look_at_streams", look_in_a_busy_moment)
    fork = (await find_forks(line.pool, line.redis))[SHARD]
    assert (fork.stream_end, fork.head, fork.ghosts, fork.is_lost) == (EntryId(1, 23), EntryId(1, 25), 0, False)
