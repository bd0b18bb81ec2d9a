"""Beginning a new epoch after the database went back in time: the one legal update of the log.

In one transaction, under the append locks of all shards: what the log holds behind the fork gets the new epoch, which
begins there. Streams then go on with entries of the new epoch (`lua/compare_and_append.lua`), and everybody ignores
what they hold of the lost one. Nothing else of an event is touched.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import asyncpg

from infrastructure.cluster_identity import read_identity, record_identity
from infrastructure.forks import Fork, find_forks
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient

__all__ = [
    "Advance",
    "Bump",
    "OtherThanShownError",
    "StrangeStreamError",
    "begin_epoch",
    "plan_bump",
    "refuse_strangers",
]

type Advance = Callable[[str, int, int | None], None]
"""Told the step under way, how many events are done, and how many there are where that is known."""

type _Connection = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

_STEP: Final = 20_000
"""Events that one statement moves."""
_STEP_SECONDS: Final = 600.0
_LOOKS, _LOOK_SECONDS = 20, 0.05

# As long as it takes, but not a second longer than there is somebody to commit it: everybody waits for these locks.
_BOUNDS: Final = "SET LOCAL transaction_timeout = 0; SET LOCAL client_connection_check_interval = '1s'"
# Which the log's guard looks for (migrations/log_guard.py): of an event nothing but the epoch may change, and only now.
_MOVES_EPOCHS: Final = "SELECT set_config('bureau.moves_epochs', 'on', true)"
_LOCK_APPENDS: Final = "SELECT pg_advisory_xact_lock(1112888661, $1)"
# Projectors' statements take their snapshots after they have the lock, so none of them works with rows of before.
_LOCK_CHECKPOINTS: Final = "LOCK TABLE read.checkpoints IN SHARE ROW EXCLUSIVE MODE"
_BEGIN: Final = """
INSERT INTO log.epochs (shard, epoch, first_position, stream_end, stream_event)
SELECT f.shard, n.epoch, f.agreed + 1, f.stream_end, f.stream_event
FROM unnest($2::smallint[], $3::bigint[], $4::integer[], $5::text[], $6::text[])
  AS f(shard, agreed, epoch, stream_end, stream_event)
CROSS JOIN LATERAL generate_series(f.epoch + 1, $1) AS n(epoch)
"""
# More than one epoch a shard where streams know epochs that the database lost: those have no position of their own.
_MOVE_EVENTS: Final = "UPDATE log.events SET epoch = $1 WHERE shard = $2 AND position > $3 AND position <= $4"
_MOVE_READ_MODELS: Final = """
WITH forks AS (SELECT * FROM unnest($2::smallint[], $3::bigint[]) AS f(shard, agreed)), moved AS (
  UPDATE read.checkpoints c SET epoch = $1 FROM forks f WHERE c.shard = f.shard AND c.position > f.agreed
)
UPDATE read.parked_events p SET epoch = $1 FROM forks f WHERE p.shard = f.shard AND p.position > f.agreed
"""


class OtherThanShownError(RuntimeError):
    """Log and streams are not as they were when somebody agreed to the plan."""


class StrangeStreamError(OtherThanShownError):
    """A stream holds what no log can have written: it is filled anew before an epoch begins."""


class Bump(NamedTuple):
    """A new epoch and where it begins: behind `agreed` in every shard."""

    epoch: int
    forks: Sequence[Fork]

    @property
    def ghosts(self) -> int:
        """Return how many entries of streams are of a lost future."""
        return sum(fork.ghosts for fork in self.forks)

    @property
    def unpublished(self) -> int:
        """Return how many events of the log get the new epoch."""
        return sum(fork.unpublished for fork in self.forks)


def plan_bump(forks: Sequence[Fork]) -> Bump:
    """Return the bump over these forks; its epoch is later than any that log or streams know, but for a stranger's."""
    return Bump(
        1 + max(fork.epoch if fork.strange else max(fork.epoch, fork.stream_end.epoch) for fork in forks), forks
    )


def refuse_strangers(bump: Bump) -> None:
    """Raise StrangeStreamError where a stream holds what no log can have written."""
    if strange := [f"shard {fork.shard}: {fork.strange}" for fork in bump.forks if fork.strange]:
        message = f"no epoch can begin before that is put right, nothing was changed: {'; '.join(strange)}"
        raise StrangeStreamError(message)


async def begin_epoch(
    pool: Pool, redis: RedisClient, shown: Bump, reason: str, advance: Advance = lambda _step, _done, _total: None
) -> Bump:
    """Carry out the plan that was shown, all of it or nothing, and return what was done; `advance` hears of each step.

    Healthy shards may have moved on meanwhile. Raises OtherThanShownError, and the errors of a server out of reach.
    """
    async with pool.acquire() as connection:
        # Before the transaction, which would be lost where the server refuses the question.
        identity = await read_identity(connection)
        async with connection.transaction():
            await connection.execute(_BOUNDS)
            advance("holding back new events", 0, None)
            for fork in shown.forks:
                await connection.execute(_LOCK_APPENDS, fork.shard)
            bump = plan_bump(await _find_forks_at_rest(connection, redis))
            refuse_strangers(bump)
            if not _is_as_shown(bump, shown):
                message = "log and streams are not as they were shown: nothing was changed, look again"
                raise OtherThanShownError(message)
            await connection.execute(_LOCK_CHECKPOINTS)
            await connection.execute(_MOVES_EPOCHS)
            await _write(connection, bump, advance)
            await record_identity(connection, identity, reason)
    return bump


async def _write(connection: _Connection, bump: Bump, advance: Advance) -> None:
    shards, agreed = [fork.shard for fork in bump.forks], [fork.agreed for fork in bump.forks]
    ends, events = [str(fork.stream_end) for fork in bump.forks], [fork.stream_event for fork in bump.forks]
    epochs = [fork.epoch for fork in bump.forks]
    await connection.execute(_BEGIN, bump.epoch, shards, agreed, epochs, ends, events)
    done = 0
    for fork in bump.forks:
        for after in range(fork.agreed, fork.head.position, _STEP):
            last = min(after + _STEP, fork.head.position)
            await connection.execute(_MOVE_EVENTS, bump.epoch, fork.shard, after, last, timeout=_STEP_SECONDS)
            done += last - after
            advance(f"events get epoch {bump.epoch}", done, bump.unpublished)
    await connection.execute(_MOVE_READ_MODELS, bump.epoch, shards, agreed)


async def _find_forks_at_rest(connection: _Connection, redis: RedisClient) -> list[Fork]:
    """Return the forks once relays have carried what they can: nothing new is committed while we hold the locks."""
    forks = await find_forks(connection, redis)
    for _ in range(_LOOKS):
        await asyncio.sleep(_LOOK_SECONDS)
        before, forks = forks, await find_forks(connection, redis)
        if forks == before:
            break
    return forks


def _is_as_shown(now: Bump, shown: Bump) -> bool:
    """Tell whether nothing changed but that healthy shards moved on."""
    return now.epoch == shown.epoch and all(
        after.ghosts == before.ghosts
        and (after.agreed == before.agreed or (after.agreed > before.agreed and not before.ghosts))
        for after, before in zip(now.forks, shown.forks, strict=True)
    )
