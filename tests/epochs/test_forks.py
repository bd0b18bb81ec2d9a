"""Where log and streams part, found from what they hold, and what a new epoch does about it."""

from uuid import UUID

import pytest
from structlog.testing import capture_logs

from contracts.streams import EntryId, Token, stream_name
from infrastructure.cluster_identity import read_identity
from infrastructure.command_loads import LoadRequest, load_commands
from infrastructure.epoch_bump import OtherThanShownError, begin_epoch, plan_bump
from infrastructure.epochs import open_token_resolver
from infrastructure.forks import find_forks
from infrastructure.write_store import CommandKey
from tests.epochs.line import OTHER, SHARD, SHARDS, Line
from tests.oracle import find_differences


async def test_a_healthy_line_has_no_forks(line: Line) -> None:
    forks = await find_forks(line.pool, line.redis)
    assert [fork.shard for fork in forks] == list(SHARDS)
    assert [fork.agreed for fork in forks] == [{SHARD: 20, OTHER: 5}.get(fork.shard, 0) for fork in forks]
    assert not any(fork.ghosts or fork.unpublished or fork.is_lost for fork in forks)


@pytest.mark.parametrize("written_past", [0, 3, 30])
@pytest.mark.parametrize("restored", [0, 1, 13, 19])
async def test_a_fork_is_the_last_position_that_both_have(line: Line, restored: int, written_past: int) -> None:
    await line.lose(restored)
    await line.append(written_past)
    fork = await line.fork()
    assert (fork.agreed, fork.ghosts, fork.unpublished) == (restored, 20 - restored, written_past)
    assert fork.is_lost
    assert not (await line.fork(OTHER)).is_lost


async def test_a_stream_that_lost_its_tail_has_no_ghosts(line: Line) -> None:
    older = await line.redis.dump(stream_name(SHARD))
    assert older
    await line.append(7)
    await line.carry()
    await line.redis.restore(stream_name(SHARD), 0, older, replace=True)
    fork = await line.fork()
    assert (fork.agreed, fork.ghosts, fork.unpublished, fork.is_lost) == (20, 0, 7, False)


async def test_a_stream_that_is_not_there_contradicts_nothing(line: Line) -> None:
    await line.redis.delete(stream_name(SHARD))
    fork = await line.fork()
    assert (fork.agreed, fork.stream_end, fork.is_lost) == (20, EntryId(0, 0), False)


async def record_trim(line: Line, position: int) -> None:
    await line.pool.execute("UPDATE log.stream_floors SET position = $2 WHERE shard = $1", SHARD, position)
    await line.redis.xtrim(stream_name(SHARD), minid=f"1-{position + 1}", approximate=False)


@pytest.mark.parametrize(("trimmed", "agreed"), [(8, 13), (12, 13), (13, 5), (15, 5), (20, 5)])
async def test_what_was_trimmed_is_agreed_on_where_what_is_left_agrees(line: Line, trimmed: int, agreed: int) -> None:
    await record_trim(line, 5)
    await line.lose(13)
    await line.redis.xtrim(stream_name(SHARD), minid=f"1-{trimmed + 1}", approximate=False)
    assert (await line.fork()).agreed == agreed


async def test_a_stream_trimmed_to_nothing_agrees_where_the_log_has_its_last_id(line: Line) -> None:
    await record_trim(line, 20)
    await line.append(2)
    fork = await line.fork()
    assert (fork.agreed, fork.ghosts, fork.unpublished) == (20, 0, 2)


async def test_epochs_that_the_database_lost_hold_the_fork_back(line: Line) -> None:
    await line.lose(10)
    await line.append(2)
    rows = await line.pool.fetch("SELECT * FROM log.epochs")
    await line.bump()
    await line.carry()
    await line.pool.execute("DELETE FROM log.epochs")
    await line.pool.executemany(
        "INSERT INTO log.epochs (shard, epoch, first_position) VALUES ($1, $2, $3)", [row[:3] for row in rows]
    )
    await line.lose(10)
    await line.append(4)
    fork = await line.fork()
    assert (fork.agreed, fork.stream_end, fork.is_lost) == (10, EntryId(2, 12), True)
    assert (await line.bump()).epoch == 3
    await line.carry()
    assert (await line.ids())[-6:] == ["2-11", "2-12", "3-11", "3-12", "3-13", "3-14"]
    assert await find_differences(line.pool, line.redis) == []


async def test_a_bump_gives_the_log_a_new_epoch_from_the_fork_on(line: Line) -> None:
    await line.lose(10)
    await line.append(3)
    envelopes = "SELECT position, event_id, recorded_at, envelope FROM log.events WHERE shard = 3 ORDER BY position"
    before = await line.pool.fetch(envelopes)
    bump = await line.bump()
    assert (bump.epoch, bump.ghosts, bump.unpublished) == (2, 10, 3)
    assert await line.pool.fetch(envelopes) == before
    epochs = await line.pool.fetch("SELECT epoch, count(*) FROM log.events WHERE shard = 3 GROUP BY epoch ORDER BY 1")
    assert [tuple(row) for row in epochs] == [(1, 10), (2, 3)]
    firsts = await line.pool.fetch("SELECT shard, first_position, stream_end FROM log.epochs WHERE epoch = 2")
    assert {tuple(row) for row in firsts} >= {(SHARD, 11, "1-20"), (OTHER, 6, "1-5"), (0, 1, "0-0")}
    await line.append(1)
    await line.carry()
    assert (await line.ids())[-5:] == ["1-20", "2-11", "2-12", "2-13", "2-14"]
    assert await find_differences(line.pool, line.redis) == []
    assert not any(fork.is_lost for fork in await find_forks(line.pool, line.redis))


async def test_a_bump_without_events_behind_the_fork_is_known_from_then_on(line: Line) -> None:
    await line.lose(10)
    await line.bump()
    fork = await line.fork()
    assert (fork.ghosts, fork.is_known, fork.is_lost) == (10, True, False)
    await line.append(2)
    await line.carry()
    assert (await line.ids())[-3:] == ["1-20", "2-11", "2-12"]
    assert await find_differences(line.pool, line.redis) == []


async def test_bumps_may_follow_one_another(line: Line) -> None:
    for restored in (15, 9, 9, 12):
        await line.lose(restored)
        await line.append(4)
        await line.bump()
        await line.carry()
        assert await find_differences(line.pool, line.redis) == []
    for _ in range(2):
        await line.bump()
    await line.append(2)
    await line.carry()
    assert (await line.ids())[-1].startswith("7-")
    assert await find_differences(line.pool, line.redis) == []


async def test_checkpoints_and_tokens_of_repeated_commands_behind_the_fork_get_the_new_epoch(line: Line) -> None:
    await line.lose(10)
    await line.append(3)
    checkpoints = "INSERT INTO read.checkpoints VALUES ('tasks', 1, $1, 1, $2)"
    await line.pool.executemany(checkpoints, [(SHARD, 12), (OTHER, 5), (5, 0)])
    receipt = (
        "INSERT INTO write.receipts (workspace_id, principal, key, fingerprint, result, epoch, shards, positions)"
        " VALUES ('w', 'p', $1, '', '', 1, $2, $3)"
    )
    await line.pool.executemany(receipt, [("new", [OTHER, SHARD], [2, 12]), ("old", [SHARD], [10])])
    await line.bump()
    moved = await line.pool.fetch("SELECT shard, epoch FROM read.checkpoints ORDER BY shard")
    assert [tuple(row) for row in moved] == [(SHARD, 2), (OTHER, 1), (5, 1)]
    requests = [LoadRequest(CommandKey("w", "p", key)) for key in ("old", "none", "new")]
    receipts = [loaded.receipt for loaded in await load_commands(line.pool, requests)]
    tokens = [receipt.token if receipt else None for receipt in receipts]
    assert tokens == [Token(1, {SHARD: 10}), None, Token(2, {OTHER: 2, SHARD: 12})]
    resolve = open_token_resolver(line.pool)
    assert [await resolve(token) for token in tokens if token] == [
        {SHARD: EntryId(1, 10)},
        {OTHER: EntryId(1, 2), SHARD: EntryId(2, 12)},
    ]


async def test_a_bump_that_is_not_what_was_shown_changes_nothing(line: Line) -> None:
    await line.lose(10)
    shown = plan_bump(await find_forks(line.pool, line.redis))
    await line.redis.xadd(stream_name(SHARD), {"event_id": str(UUID(int=1)), "__data__": b"ghost"}, id="1-21")
    with pytest.raises(OtherThanShownError):
        await begin_epoch(line.pool, line.redis, shown, "a test")
    assert await line.pool.fetchval("SELECT max(epoch) FROM log.epochs") == 1


async def test_healthy_shards_may_move_on_while_somebody_decides(line: Line) -> None:
    await line.lose(10)
    shown = plan_bump(await find_forks(line.pool, line.redis))
    await line.append(5, OTHER)
    await line.carry()
    done = await begin_epoch(line.pool, line.redis, shown, "a test")
    assert done.forks[OTHER].agreed == 10
    await line.carry()
    assert await find_differences(line.pool, line.redis) == []


async def test_a_bump_works_where_the_server_does_not_say_which_cluster_it_is(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.cluster_identity._SYSTEM", "SELECT pg_control_of_nobody()")
    await line.lose(10)
    with capture_logs() as logged:
        assert (await line.bump()).epoch == 2
        await read_identity(line.pool)
    assert [each["log_level"] for each in logged] == ["warning"], "each process says it once"
    assert await line.pool.fetchval("SELECT system_identifier FROM log.clusters WHERE epoch = 2") == ""


async def test_a_bump_moves_events_in_steps_and_tells_how_far_it_is(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.epoch_bump._STEP", 3)
    await line.lose(10)
    await line.append(8)
    told: list[tuple[str, int, int | None]] = []
    shown = plan_bump(await find_forks(line.pool, line.redis))
    await begin_epoch(line.pool, line.redis, shown, "a test", lambda *step: told.append(step))
    steps = [("events get epoch 2", done, 8) for done in (3, 6, 8)]
    assert told == [("holding back new events", 0, None), *steps]
    await line.carry()
    assert await find_differences(line.pool, line.redis) == []
