"""A task of many megabytes: its bytes are put together and sent in pieces, and others have their turn in between."""

import asyncio
import hashlib
from collections.abc import Iterator

from starlette.types import Message

from contracts.a2a import Artifact, Part
from infrastructure.answer_cache import Answer, CachePlace, open_answer_cache
from infrastructure.postgres import Pool
from infrastructure.read_statements import Covers
from infrastructure.redis_client import RedisClient
from infrastructure.web.pieces import PiecesResponse
from query_api.asking import answer_in_pieces
from tests.query.world import World, add_chunk, id_of, put_task_detail

MEGABYTE = 1_000_000
PIECES = 40
NOTHING_COVERED = Covers(None, is_parked=False)


async def _turns_beside(work: asyncio.Task[Answer] | asyncio.Task[None]) -> int:
    """Return how often somebody else had the loop until the work was done."""
    turns = 0
    while not work.done():
        turns += 1
        await asyncio.sleep(0)
    return turns


async def test_a_task_of_many_megabytes_is_answered_whole(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t")
    parts = [Part(text=str(number) * MEGABYTE) for number in range(6)]
    for number, part in enumerate(parts):
        name = "whole" if number == 0 else "chunked"
        await add_chunk(pool, "t", 2 + number, Artifact(artifact_id=name, parts=(part,)), append=number > 1)

    response = await world.get(f"/tasks/{id_of('t')}")

    whole, chunked = (Artifact.model_validate(artifact) for artifact in response.json()["artifacts"])
    assert whole == Artifact(artifact_id="whole", parts=(parts[0],))
    assert chunked == Artifact(artifact_id="chunked", parts=tuple(parts[1:]))
    assert int(response.headers["content-length"]) == len(response.content)
    assert response.headers["content-type"] == "application/json"
    assert response.headers["etag"] == f'"{hashlib.blake2b(response.content, digest_size=16).hexdigest()}"'
    again = await world.get(f"/tasks/{id_of('t')}", {"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_others_have_the_loop_while_a_large_answer_is_put_together() -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(PIECES):
            yield b"x" * MEGABYTE

    work = asyncio.create_task(answer_in_pieces(pieces(), NOTHING_COVERED))

    assert await _turns_beside(work) >= PIECES
    assert sum(map(len, work.result().rest)) == PIECES * MEGABYTE


async def test_others_have_the_loop_while_a_large_answer_is_sent() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError

    response = PiecesResponse([b"x"] * PIECES, {"ETag": '"e"'})
    work = asyncio.create_task(response({"type": "http"}, receive, send))

    assert await _turns_beside(work) >= PIECES
    start, *bodies = sent
    assert (b"content-length", str(PIECES).encode()) in start["headers"]
    assert [body["body"] for body in bodies] == [b"x"] * PIECES + [b""]
    assert [body.get("more_body", False) for body in bodies] == [True] * PIECES + [False]


async def test_small_pieces_are_one_body_and_leave_in_one(redis: RedisClient) -> None:
    answer = await answer_in_pieces([b'{"a":', b"1", b"}"], NOTHING_COVERED)

    assert (answer.body, answer.rest) == (b'{"a":1}', ())
    place, cache = CachePlace("large", "v"), open_answer_cache(redis)
    assert await cache.keep(place, "tasks", answer, b"")
    assert not await cache.keep(place, "tasks", answer._replace(rest=(b"more",)), b"")
