"""How much is in memory at once: a page or chunk of so many bytes, whatever log, streams and read models hold."""

from collections.abc import Awaitable, Callable, Iterable, Sized
from decimal import Decimal
from pkgutil import resolve_name
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from bureau.verification import aggregates, streams, sums
from contracts.a2a import Artifact, Part
from contracts.events import Event, TaskArtifactAppended, TaskUsageReported
from contracts.streams import stream_name
from contracts.usage import Usage
from infrastructure.postgres import Pool
from infrastructure.verification_streams import StreamedEvent
from tests.projectors.stories import Written, number, task_story, write
from tests.roots import new_id, root_in
from tests.verification.line import Line, complete_line, kinds, rewrite_stream

SHARD = 5
LARGE = 1_000_000
DAMAGE = {
    "view.different": "UPDATE read.usage_sums SET reports = reports + 1 WHERE context = 'context-7' AND agent <> ''",
    "view.missing": "DELETE FROM read.usage_sums WHERE context = 'context-7'",
    "view.surplus": "INSERT INTO read.usage_sums SELECT '', '', '', '', '', $1, 0, 0, 0, 0, 0, 0, 0, 0",
}


def begun_task(randomness: Random, *events: Event) -> list[Written]:
    """Return a task in which these events follow its start."""
    root = root_in(SHARD, randomness)
    return number(randomness, root, [*(written.event for written in task_story(randomness, root)[:2]), *events])


def large_task(randomness: Random) -> list[Written]:
    artifact = Artifact(artifact_id="large", parts=(Part(text="x" * LARGE),))
    return begun_task(randomness, TaskArtifactAppended(attempt=1, artifact=artifact, append=False, last_chunk=False))


def spending_task(randomness: Random, context: str) -> list[Written]:
    usage = Usage(cost=Decimal("0.01"))
    report = TaskUsageReported(attempt=1, usage=usage, agent_id=new_id(randomness), context_id=context, report=1)
    return begun_task(randomness, report)


def note_answers(monkeypatch: pytest.MonkeyPatch, name: str, measure: Callable[[Any], int]) -> list[int]:
    """Have it noted how much each call of an asynchronous function of the verification returns."""
    function: Callable[..., Awaitable[Any]] = resolve_name(f"bureau.verification.{name}")
    noted: list[int] = []

    async def call(*arguments: object, **options: object) -> object:
        answer = await function(*arguments, **options)
        noted.append(measure(answer))
        return answer

    monkeypatch.setattr(f"bureau.verification.{name}", call)
    return noted


def note_questions(monkeypatch: pytest.MonkeyPatch, name: str) -> list[int]:
    """Have it noted how much the third argument of each call of a function of the verification holds."""
    function: Callable[..., Any] = resolve_name(f"bureau.verification.{name}")
    noted: list[int] = []

    def call(first: object, second: object, third: Sized, **options: object) -> object:
        noted.append(len(third))
        return function(first, second, third, **options)

    monkeypatch.setattr(f"bureau.verification.{name}", call)
    return noted


def envelope_bytes(events: Iterable[StreamedEvent]) -> int:
    return sum(len(event.envelope) for event in events)


@pytest.mark.parametrize("is_deep", [True, False])
async def test_large_events_come_few_at_a_time(
    pool: Pool, redis: Redis, randomness: Random, monkeypatch: pytest.MonkeyPatch, is_deep: bool
) -> None:
    for _ in range(24):
        await write(pool, large_task(randomness))
    line = await complete_line(pool, redis)
    chunks = note_answers(monkeypatch, "aggregates.read_chunk", lambda chunk: envelope_bytes(chunk.events))
    pages = note_answers(monkeypatch, "streams.read_events", lambda page: envelope_bytes(page.events))
    entries = note_answers(monkeypatch, "streams.read_entries_between", envelope_bytes)

    report = await line.verify(is_deep=is_deep)

    assert [str(each) for each in report.differences] == []
    assert report.events == report.entries == 24 * 3
    assert max(entries) < 10 * LARGE
    assert max(pages) < 10 * LARGE
    assert max(chunks) < 18 * LARGE
    assert sum(entries) > 24 * LARGE
    assert is_deep == (sum(chunks) > 24 * LARGE)


async def test_an_aggregate_that_is_larger_than_a_chunk_is_compared_whole(
    pool: Pool, redis: Redis, randomness: Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = [event for _ in range(3) for event in large_task(randomness)[2:]]
    await write(pool, begun_task(randomness, *(written.event for written in chunks)))
    await write(pool, task_story(randomness))
    line = await complete_line(pool, redis)
    monkeypatch.setattr(aggregates, "_CHUNK", aggregates._CHUNK._replace(bytes=LARGE))  # noqa: SLF001 - the bound

    assert (await line.verify()).is_equal
    await pool.execute("DELETE FROM read.task_artifact_chunks WHERE generation = 4")
    assert await line.find() == {"view.missing"}


async def test_small_chunks_and_pages_come_to_the_same_report(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    await line.pool.execute("DELETE FROM read.task_list WHERE task_id = (SELECT task_id FROM read.task_list LIMIT 1)")
    await line.pool.execute("DELETE FROM log.events WHERE shard = $1 AND position = 5", line.shard)
    await line.redis.xdel(stream_name(line.shard), "1-7")
    before = await line.verify()

    monkeypatch.setattr(aggregates, "_CHUNK", aggregates._CHUNK._replace(number=30, bytes=5_000))  # noqa: SLF001 - the bound
    monkeypatch.setattr(streams, "_PAGE_BYTES", 3_000)
    monkeypatch.setattr(sums, "_PAGE_BYTES", 3_000)
    monkeypatch.setattr(sums, "_SUMS", 2)
    after = await line.verify()

    assert {"log.hole", "stream.missing", "stream.surplus", "view.missing"} <= kinds(before)
    assert sorted(map(str, after.differences)) == sorted(map(str, before.differences))
    assert after.model_copy(update={"differences": ()}) == before.model_copy(update={"differences": ()})


async def test_what_a_lost_future_left_behind_is_looked_at_page_by_page(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = await line.pool.fetchval("SELECT max(position) FROM log.events WHERE shard = $1", line.shard)
    await line.pool.execute("INSERT INTO log.epochs VALUES ($1, 2, $2)", line.shard, head - 2)
    await line.pool.execute("UPDATE log.events SET epoch = 2 WHERE shard = $1 AND position >= $2", line.shard, head - 2)

    def lose(entries: list[tuple[bytes, dict[bytes, bytes]]]) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """Put a long future of the first epoch before the last three entries, which are of the second."""
        ghosts = [(f"1-{head - 2 + number}".encode(), {b"event_id": b"ghost"}) for number in range(3_000)]
        return [*entries[:-3], *ghosts, *((b"2" + entry_id[1:], fields) for entry_id, fields in entries[-3:])]

    await rewrite_stream(line.redis, line.shard, lose)
    compared = note_questions(monkeypatch, "streams.compare_entries")
    assert await line.find() == set()
    assert sum(compared) > 3_000
    assert max(compared) <= 1_000


@pytest.mark.parametrize("kind", [None, *DAMAGE])
async def test_sums_of_many_keys_are_compared_part_by_part(
    pool: Pool, redis: Redis, randomness: Random, monkeypatch: pytest.MonkeyPatch, kind: str | None
) -> None:
    for context in range(300):
        await write(pool, spending_task(randomness, f"context-{context}"))
    line = await complete_line(pool, redis)
    if kind:
        await pool.execute(DAMAGE[kind], *([SHARD] if "$1" in DAMAGE[kind] else []))
    compared = note_questions(monkeypatch, "sums.compare_rows")
    monkeypatch.setattr(sums, "_SUMS", 50)
    assert await line.find() == ({kind} if kind else set())
    assert sum(compared) >= 600
    assert max(compared) < 60
