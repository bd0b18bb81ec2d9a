"""Every kind of damage, done by hand with one statement or command, is found and called by its name."""

from random import Random

import pytest

from bureau.verification import Scope, verify
from contracts.streams import stream_name
from tests.projectors.stories import task_story, write, write_tasks
from tests.rebuild.rebuilds import project_everything
from tests.roots import root_in
from tests.verification.line import Line, Rewrite, rewrite_stream

# Each statement damages the shard $1.
LOG_AND_WRITE_SIDE = {
    "log.hole": "DELETE FROM log.events WHERE shard = $1 AND position = 5",
    "log.event_twice": "UPDATE log.events e SET event_id = o.event_id FROM log.events o"
    " WHERE e.shard = $1 AND e.position = 5 AND o.shard <> $1 AND o.position = 3",
    "log.epoch": "UPDATE log.events SET epoch = 7 WHERE shard = $1 AND position = 5",
    "log.shard": "UPDATE log.events SET root_id = gen_random_uuid() WHERE shard = $1 AND position BETWEEN 2 AND 9",
    "log.generation": "UPDATE log.events SET generation = 77 WHERE shard = $1 AND position = 5",
    "aggregate.generation": "UPDATE write.aggregates SET generation = generation + 1"
    " WHERE id = (SELECT aggregate_id FROM log.events WHERE shard = $1 AND position = 5)",
    "receipt.position": "UPDATE write.receipts SET positions = '{1000000}' WHERE shards = ARRAY[$1::smallint]",
    "checkpoint.beyond": "UPDATE read.checkpoints SET position = 1000000 WHERE shard = $1 AND projection = 'tasks'",
    "checkpoint.behind": "UPDATE read.checkpoints SET position = 1 WHERE shard = $1 AND projection = 'tasks'",
}
IN_SHARD = "(SELECT aggregate_id FROM log.events WHERE shard = $1 AND event_type = 'task.submitted' LIMIT 1)"
VIEWS = {
    "view.missing": f"DELETE FROM read.task_detail WHERE task_id = {IN_SHARD}",  # noqa: S608 - a constant
    "view.different": f"UPDATE read.task_list SET body = body || ' ' WHERE task_id = {IN_SHARD}",  # noqa: S608 - a constant
    "view.surplus": "INSERT INTO read.task_messages SELECT gen_random_uuid(), $1, 'default', ''",
}


async def test_a_line_that_agrees_has_no_difference(line: Line) -> None:
    report = await line.verify()
    assert report.differences == ()
    assert report.events == report.entries == report.receipts > 200
    assert report.rows > report.aggregates > 60
    assert (await line.verify(is_deep=False)).is_equal


@pytest.mark.parametrize("kind", LOG_AND_WRITE_SIDE)
async def test_damage_to_log_write_side_or_checkpoints_is_named(line: Line, kind: str) -> None:
    await line.pool.execute(LOG_AND_WRITE_SIDE[kind], line.shard)
    assert kind in await line.find(is_deep=False)


@pytest.mark.parametrize("kind", VIEWS)
async def test_damage_to_a_read_model_is_named_by_a_deep_look_alone(line: Line, kind: str) -> None:
    await line.pool.execute(VIEWS[kind], line.shard)
    assert await line.find() == {kind}
    assert await line.find(is_deep=False) == set()


SUMS = {
    "view.missing": "DELETE FROM read.usage_sums WHERE shard = $1 AND agent = ''",
    "view.different": "UPDATE read.usage_sums SET cost = cost + 0.000000001 WHERE shard = $1 AND agent = ''",
    "view.surplus": "INSERT INTO read.usage_sums SELECT workspace_id, agent, context, 'other' || model, currency,"
    " shard, tasks, reports, input_tokens, output_tokens, cached_input_tokens, tool_calls, duration_ms, cost"
    " FROM read.usage_sums WHERE shard = $1",
}


@pytest.mark.parametrize("kind", SUMS)
async def test_damage_to_sums_over_many_tasks_is_named_by_a_deep_look_alone(line: Line, kind: str) -> None:
    await line.pool.execute(SUMS[kind], line.shard)
    assert await line.find() == {kind}
    assert await line.find(is_deep=False) == set()


async def test_events_that_were_parked_or_skipped_are_in_no_sum(line: Line) -> None:
    columns = "projection, version, shard, position, epoch, event_id, event_type, workspace_id, aggregate_kind,"
    columns += " aggregate_id, generation, root_id, recorded_at, envelope"
    parked = await line.pool.fetchrow(
        f"INSERT INTO read.parked_events ({columns}) SELECT 'usage', 1, {columns.partition('version,')[2]}"  # noqa: S608 - constants
        " FROM log.events WHERE shard = $1 AND event_type = 'task.usage_reported' LIMIT 1 RETURNING position, root_id",
        line.shard,
    )
    assert parked is not None
    assert await line.find() == {"view.different", "view.parked"}

    await line.pool.execute("DELETE FROM read.parked_events")
    assert await line.find() == set()
    await line.pool.execute(
        "INSERT INTO read.parked_requests (request_id, dead_letter_id, projection, version, shard, root_id,"
        " workspace_id, action, position, event_id, requested_by, outcome, left_out)"
        " VALUES ($1, $1, 'usage', 1, $2, $1, 'default', 'skip', $3, $1, 'somebody', 'released', true)",
        parked["root_id"],
        line.shard,
        parked["position"],
    )
    assert await line.find() == {"view.different"}


async def test_a_version_that_stands_before_the_one_before_it_is_named(line: Line) -> None:
    swap = (
        "UPDATE log.events e SET generation = CASE e.generation WHEN 1 THEN -2 ELSE -1 END WHERE e.generation <= 2"
        " AND e.aggregate_id = (SELECT aggregate_id FROM log.events WHERE shard = $1 AND generation = 2 LIMIT 1)"
    )
    await line.pool.execute(swap, line.shard)
    await line.pool.execute("UPDATE log.events SET generation = -generation WHERE generation < 0")
    assert await line.find(is_deep=False) == {"log.order"}


async def test_aggregates_on_one_side_only_are_named(line: Line) -> None:
    await line.pool.execute("DELETE FROM write.aggregates WHERE id = (SELECT id FROM write.aggregates LIMIT 1)")
    await line.pool.execute(
        "INSERT INTO write.aggregates SELECT gen_random_uuid(), 'task', 'x', 1, 1, '{}' FROM generate_series(1, 3)"
    )
    report = await line.verify(is_deep=False)
    assert [difference.kind.value for difference in report.differences] == ["aggregate.generation"] * 4


async def test_an_event_that_no_projection_can_take_is_named(line: Line) -> None:
    await line.pool.execute("UPDATE log.events SET envelope = '{}' WHERE shard = $1 AND position = 2", line.shard)
    assert {"view.unfoldable", "stream.different"} <= await line.find()


async def test_a_parked_root_is_compared_up_to_the_park_and_named(line: Line, randomness: Random) -> None:
    """The projections go on behind an event that none can take; its root waits, and nothing else differs."""
    while len(story := task_story(randomness, root_in(line.shard, randomness))) < 5:
        pass
    await write(line.pool, story)
    await line.pool.execute(
        "UPDATE log.events SET envelope = '{}' WHERE event_id = ANY ($1)", [each.event_id for each in story[2:3]]
    )
    await write_tasks(line.pool, randomness, 5)
    await project_everything(line.pool)
    scope = Scope(is_deep=True, has_streams=False, has_write_side=False, has_receipts=False, patience_seconds=0)
    found = (await verify(line.pool, line.redis, scope)).differences
    assert {difference.kind.value for difference in found} == {"view.parked"}
    assert {difference.where for difference in found} >= {f"task_detail aggregate {story[0].root}"}
    assert {difference.what.split(" events")[0] for difference in found} >= {str(len(story) - 2)}


STREAMS: dict[str, tuple[Rewrite, str]] = {
    "an entry is missing": (lambda entries: entries[:4] + entries[5:], "stream.missing"),
    "the beginning is missing": (lambda entries: entries[4:], "stream.missing"),
    "the end is missing": (lambda entries: entries[:-1], "stream.behind"),
    "an entry too many before": (lambda entries: [(b"0-7", {b"event_id": b"x"}), *entries], "stream.surplus"),
    "an entry of nobody's epoch": (lambda entries: [*entries, (b"9-1", {b"event_id": b"x"})], "stream.beyond"),
    "another event": (
        lambda entries: [*entries[:4], (entries[4][0], {**entries[4][1], b"event_id": b"x"}), *entries[5:]],
        "stream.different",
    ),
    "fields of somebody else": (
        lambda entries: [*entries[:4], (entries[4][0], {b"hello": b"world"}), *entries[5:]],
        "stream.different",
    ),
}


@pytest.mark.parametrize("damage", STREAMS)
async def test_damage_to_a_stream_is_named(line: Line, damage: str) -> None:
    change, kind = STREAMS[damage]
    await rewrite_stream(line.redis, line.shard, change)
    assert kind in await line.find(is_deep=False)


async def test_another_type_of_key_in_a_streams_place_is_named(line: Line) -> None:
    await line.redis.delete(stream_name(line.shard))
    await line.redis.set(stream_name(line.shard), "somebody's")
    assert "stream.other_key" in await line.find(is_deep=False)


async def test_a_changed_body_is_named_by_a_deep_look_alone(line: Line) -> None:
    def change(entries: list[tuple[bytes, dict[bytes, bytes]]]) -> list[tuple[bytes, dict[bytes, bytes]]]:
        entry_id, fields = entries[4]
        return [*entries[:4], (entry_id, {**fields, b"__data__": fields[b"__data__"] + b" "}), *entries[5:]]

    await rewrite_stream(line.redis, line.shard, change)
    assert await line.find() == {"stream.different"}
    assert await line.find(is_deep=False) == set()


async def test_a_stream_that_is_gone_is_named_with_all_that_is_missing(line: Line) -> None:
    await line.redis.delete(stream_name(line.shard))
    found = {difference.kind.value: difference.what for difference in (await line.verify(is_deep=False)).differences}
    assert found.keys() == {"stream.behind", "stream.missing"}
    assert found["stream.missing"].startswith("positions 1 to ")


async def test_what_was_trimmed_on_record_is_no_difference(line: Line) -> None:
    await line.pool.execute("UPDATE log.stream_floors SET position = 4 WHERE shard = $1", line.shard)
    await rewrite_stream(line.redis, line.shard, lambda entries: entries[2:])
    assert await line.find() == set()
    await rewrite_stream(line.redis, line.shard, lambda entries: entries[3:])
    assert await line.find() == {"stream.missing"}


async def test_entries_of_a_lost_epoch_are_no_difference(line: Line) -> None:
    """The database went back by five events and went on in a second epoch; the lost ones stay on the stream."""
    head = await line.pool.fetchval("SELECT max(position) FROM log.events WHERE shard = $1", line.shard)
    await line.pool.execute("INSERT INTO log.epochs VALUES ($1, 2, $2)", line.shard, head + 1)
    for number in range(1, 6):
        await line.redis.xadd(stream_name(line.shard), {"event_id": "ghost"}, id=f"1-{head + number}")
    assert await line.find() == set()
