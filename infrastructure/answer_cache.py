"""The cache of finished answers in Redis, through fastapi-cache2's backend. Never the truth: always safe to lose.

A hash for each tag, `bureau:cache:{tag}`: a field for each variant (route and parameters) and the field `~`, the stamp
of the last time that the projector forgot the tag. A forget deletes the hash and writes a new stamp, in one call with
the `applied` positions. Hence these rules:

- A fill is kept only if the stamp is still the one that was seen before PostgreSQL was read (`set_unless_forgotten`):
  a forget in between means that the answer may be older than what was forgotten for.
- An entry serves a token where the projection's applied position, read in the same round trip, is at or past it. Hence
  a fill is kept only if what it covers is at or past the applied positions: after a crash of PostgreSQL that took
  commits back it is not, and nobody may take it for newer than it is.

Redis out of reach or slow: the cache says "nothing here, don't fill" at once, and asks again after a pause.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol, cast

import structlog
from fastapi_cache.backends.redis import RedisBackend

from contracts.streams import EntryId, Token, format_token, parse_token
from infrastructure.cache_notices import STAMP_FIELD, applied_key, cache_key
from infrastructure.clock import monotonic_seconds
from infrastructure.redis_client import RedisClient, is_redis_error

__all__ = ["Answer", "AnswerBackend", "AnswerCache", "CachePlace", "Seen", "open_answer_cache"]

_logger = structlog.get_logger(__name__)

_LIFETIME_SECONDS: Final = 60
_CALL_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 1.0
_CALLS_AT_ONCE: Final = 8
_MOST_VARIANTS: Final = 200
_LARGEST_VALUE_BYTES: Final = 1_048_576
_PARKED: Final = "!"

# EXPIRE … NX: an entry lives 60 s at most, whatever is filled beside it, so even a forget that was lost heals.
_FILL: Final = f"""
if (redis.call('HGET', KEYS[1], '{STAMP_FIELD}') or '') ~= ARGV[1] then return 0 end
if redis.call('HLEN', KEYS[1]) >= {_MOST_VARIANTS} then return 0 end
for i = 2, #KEYS do
  local applied = string.match(redis.call('GET', KEYS[i]) or '', '^%d+%.(%d+)$')
  if applied and tonumber(applied) > tonumber(ARGV[i + 2]) then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], {_LIFETIME_SECONDS}, 'NX')
return 1
"""


# One call instead of a pipeline of two: a pipeline costs the client four times as much.
_READ: Final = """
local applied = {}
for i = 2, #KEYS do applied[i - 1] = redis.call('GET', KEYS[i]) end
return {redis.call('HMGET', KEYS[1], ARGV[1], ARGV[2]), applied}
"""


class Answer(NamedTuple):
    """A finished answer: the bytes that go out, their strong ETag with its quotes, what they cover, what is next.

    `is_parked`: something that it is made of is a dead letter, so that it is older than it covers. `rest` are pieces
    that follow the body where all of it is too large for one: such an answer is in no cache.
    """

    body: bytes
    etag: str
    covers: Token | None
    next_cursor: str | None = None
    is_parked: bool = False
    rest: Sequence[bytes] = ()


class CachePlace(NamedTuple):
    """Where an answer is kept: what it is forgotten by, and which answer of that tag it is."""

    tag: str
    variant: str


class Seen(NamedTuple):
    """What a look found; `stamp` is handed back with the fill, None means that nothing may be filled."""

    answer: Answer | None
    stamp: bytes | None


type LookUp = Callable[[CachePlace, str, Mapping[int, EntryId]], Awaitable[Seen]]
type Keep = Callable[[CachePlace, str, Answer, bytes], Awaitable[bool]]
"""Takes place, projection, answer and the stamp that the look returned; tells whether the answer was kept."""


class _Guard(Protocol):
    """Makes a call to Redis and returns what it brings, or the other value where Redis is out of reach."""

    async def __call__[Value](self, call: Callable[[], Awaitable[Value]], otherwise: Value) -> Value: ...


class AnswerCache(NamedTuple):
    """`look_up` a place for a projection and the positions to be covered; `keep` an answer under a stamp."""

    look_up: LookUp
    keep: Keep


class AnswerBackend(RedisBackend):
    """fastapi-cache2's Redis backend with tags: a class because its interface is one."""

    def __init__(self, redis: RedisClient) -> None:
        super().__init__(redis)
        self.read_with_applied = redis.register_script(_READ)
        self.fill = redis.register_script(_FILL)

    async def get_with_stamp(
        self, place: CachePlace, applied_keys: list[str]
    ) -> tuple[bytes | None, bytes | None, list[bytes | None]]:
        """Return value, stamp and applied positions in one round trip."""
        if not applied_keys:
            read = self.redis.hmget(cache_key(place.tag), [place.variant, STAMP_FIELD])
            value, stamp = cast("list[bytes | None]", await read)
            return value, stamp, []
        (value, stamp), applied = await self.read_with_applied(
            keys=[cache_key(place.tag), *applied_keys], args=[place.variant, STAMP_FIELD]
        )
        return value, stamp, applied

    async def set_unless_forgotten(
        self, place: CachePlace, value: bytes, stamp: bytes, covers: Mapping[str, int]
    ) -> bool:
        """Store a value if the tag's stamp is the one given, empty meaning none; tell whether it was stored.

        `covers` are the keys of applied positions that must not be past the positions given.
        """
        arguments: list[bytes | str | int] = [stamp, place.variant, value, *covers.values()]
        return bool(await self.fill(keys=[cache_key(place.tag), *covers], args=arguments))


def _encode(answer: Answer) -> bytes:
    """Return the stored form: ETag, covered positions (and a mark), next cursor, body, with newlines between."""
    covers = (format_token(answer.covers) if answer.covers else "") + (_PARKED if answer.is_parked else "")
    return f"{answer.etag}\n{covers}\n{answer.next_cursor or ''}\n".encode() + answer.body


def _decode(value: bytes) -> Answer:
    """Return the answer of a stored form."""
    etag, said, cursor, body = value.split(b"\n", 3)
    covers = said.decode().removesuffix(_PARKED)
    token = parse_token(covers) if covers else None
    return Answer(body, etag.decode(), token, cursor.decode() or None, said.decode().endswith(_PARKED))


def _has_reached(applied: bytes | None, target: EntryId) -> bool:
    """Tell whether an applied position `<epoch>.<position>` is at or past a target."""
    if applied is None:
        return False
    epoch, _, position = applied.partition(b".")
    return int(position) >= target.position and int(epoch) >= target.epoch


def _covering(answer: Answer, targets: Mapping[int, EntryId]) -> Answer:
    """Return an answer that was found to cover these targets too: nothing of it was forgotten up to there."""
    if not targets or answer.covers is None:
        return answer
    epoch = max(answer.covers.epoch, *(target.epoch for target in targets.values()))
    positions = dict(answer.covers.positions)
    for shard, target in targets.items():
        if shard in positions:
            positions[shard] = max(positions[shard], target.position)
    return answer._replace(covers=Token(epoch, positions))


async def _look_up(backend: AnswerBackend, place: CachePlace, projection: str, targets: Mapping[int, EntryId]) -> Seen:
    """Read one place; an entry that may be older than the targets is not shown, but may be filled anew."""
    keys = [applied_key(projection, shard) for shard in targets]
    value, stamp, applied = await backend.get_with_stamp(place, keys)
    if value is None or not all(map(_has_reached, applied, targets.values())):
        return Seen(None, stamp or b"")
    return Seen(_covering(_decode(value), targets), stamp or b"")


def _open_guard() -> _Guard:
    """Return the guard: few calls at once, each bounded, and after a failure one call a second that tries again."""
    room = asyncio.Semaphore(_CALLS_AT_ONCE)
    paused_until = 0.0

    async def guarded[Value](call: Callable[[], Awaitable[Value]], otherwise: Value) -> Value:
        nonlocal paused_until
        async with room:
            now = monotonic_seconds()
            if paused_until > now:
                return otherwise
            if paused_until:
                paused_until = now + _PAUSE_SECONDS  # this call tries; the others go on without the cache meanwhile
            try:
                async with asyncio.timeout(_CALL_SECONDS):
                    value = await call()
            except Exception as error:
                if not is_redis_error(error):
                    raise
                _logger.warning("answer cache out of reach", error=type(error).__name__)
                paused_until = monotonic_seconds() + _PAUSE_SECONDS
                return otherwise
            paused_until = 0.0
            return value

    return guarded


def open_answer_cache(client: RedisClient) -> AnswerCache:
    """Return the cache on a client that has more connections than the calls that are made at once (8)."""
    backend = AnswerBackend(client)
    guarded = _open_guard()

    async def look_up(place: CachePlace, projection: str, targets: Mapping[int, EntryId]) -> Seen:
        return await guarded(lambda: _look_up(backend, place, projection, targets), Seen(None, None))

    async def keep(place: CachePlace, projection: str, answer: Answer, stamp: bytes) -> bool:
        if answer.rest or len(answer.body) > _LARGEST_VALUE_BYTES:
            return False
        value = _encode(answer)
        positions = answer.covers.positions if answer.covers else {}
        covers = {applied_key(projection, shard): position for shard, position in positions.items()}
        return await guarded(lambda: backend.set_unless_forgotten(place, value, stamp, covers), otherwise=False)

    return AnswerCache(look_up, keep)
