"""Commands for the write path's tests: small writes to known roots, and the loop that carries one out exactly once."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from uuid import UUID

import orjson

from contracts.streams import Token, shard_of
from infrastructure.command_loads import LoadRequest, StoredAggregate, load_command
from infrastructure.postgres import Pool
from infrastructure.write_store import (
    AggregateChange,
    CommandKey,
    DuplicateReceiptError,
    EventRecord,
    StoreUnavailableError,
    Write,
    WriteConflictError,
    save_command,
)
from tests.roots import new_id
from tests.servers import TEST_SHARDS

if TYPE_CHECKING:
    import asyncpg

__all__ = ["Version", "as_pool", "carry_out", "command_key", "make_write"]


class Version(NamedTuple):
    """An aggregate as a command found it; revision and generation 0 where it is new."""

    root: UUID
    revision: int = 0
    generation: int = 0


def command_key(key: str) -> CommandKey:
    return CommandKey("default", "tester", key)


def as_pool(connection: "asyncpg.Connection[Any]") -> Pool:
    """A connection has the pool's methods; through it a save takes part in an explicit transaction."""
    return cast("Pool", connection)


def make_write(key: str, versions: Iterable[Version], randomness: random.Random, *, events: int = 1) -> Write:
    """Return a write of so many events to each root, in the given order; its result lists the ids of its events."""
    versions = list(versions)
    records = [_event(version, number, randomness) for version in versions for number in range(1, events + 1)]
    return Write(
        key=command_key(key),
        fingerprint=key.encode(),
        result=orjson.dumps([str(record.event_id) for record in records]),
        changes=[
            AggregateChange(version.root, "task", version.revision, generation, f'{{"generation": {generation}}}')
            for version in versions
            for generation in [version.generation + events]
        ],
        messages=[],
        events=records,
        shards=frozenset(record.shard for record in records),
    )


def _version(stored: StoredAggregate) -> Version:
    return Version(stored.aggregate_id, stored.revision, orjson.loads(stored.state)["generation"])


def _event(version: Version, number: int, randomness: random.Random) -> EventRecord:
    shard = shard_of(version.root, TEST_SHARDS)
    generation = version.generation + number
    event_id = new_id(randomness)
    return EventRecord(shard, event_id, "task.tested", "task", version.root, generation, version.root, b"{}")


async def carry_out(
    pool: Pool,
    key: str,
    roots: Sequence[UUID],
    randomness: random.Random,
    *,
    events: int = 1,
    tries: int = 400,
    save: Callable[[Write], Awaitable[Token]] | None = None,
) -> Token:
    """Load and save until the command is there once, as the service does; AssertionError after so many tries."""
    save = save or partial(save_command, pool)
    for _ in range(tries):
        try:
            loaded = await load_command(pool, LoadRequest(command_key(key), roots))
            if loaded.receipt is not None:
                return loaded.receipt.token
            found = {stored.aggregate_id: stored for stored in loaded.aggregates}
            versions = [_version(found[root]) if root in found else Version(root) for root in roots]
            return await save(make_write(key, versions, randomness, events=events))
        except (WriteConflictError, DuplicateReceiptError, StoreUnavailableError):
            await asyncio.sleep(randomness.random() * 0.02)
    raise AssertionError(f"{key} was not carried out in {tries} tries")
