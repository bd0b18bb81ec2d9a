"""What happens to processes in a storm beside being killed: stopped in the middle, and going on as if nothing had been.

Whoever is stopped inside a batch goes on when everything that it held has gone to others, and does what it was about
to do: append what another has appended, save what another has saved. And without leases everybody works on everything.
"""

from typing import Any
from uuid import UUID

from infrastructure.shard_leases import LEASE_SECONDS
from tests.faults.away import AWAY
from tests.faults.deck import Strike
from tests.faults.state import PATIENCE_SECONDS, Storm
from tests.polling import let_pass, poll_until

__all__ = ["PROCESS_STRIKES"]

_MEMBER = "SELECT member FROM log.members WHERE name LIKE '%:' || $1 ORDER BY expires_at DESC LIMIT 1"
_HELD = "SELECT count(*) FROM log.shard_leases WHERE holder = $1"
_WITHHELD_SECONDS = 2 * LEASE_SECONDS + 3.0
"""Longer than members wait before they work on every shard."""


async def _stop_relay(storm: Storm) -> bool:
    point = storm.randomness.choice(("relay.append_batches.before", "relay.read_batches.after"))
    return await _stop_inside(storm, storm.randomness.choice(("relay-1", "relay-2")), point)


async def _stop_projectors(storm: Storm) -> bool:
    point = storm.randomness.choice(("projectors.save_batch.before", "projectors.save_batch.during"))
    return await _stop_inside(storm, storm.randomness.choice(("projectors-1", "projectors-2")), point)


async def _stop_inside(storm: Storm, slot: str, point: str) -> bool:
    """Have a process stop at a point; let it go on when others have all that it held. False where nothing was seen."""
    crew = storm.crew
    crew.hold(slot, point)
    try:
        await poll_until(lambda: crew.is_stopped(slot), timeout=PATIENCE_SECONDS, what=f"{slot} stops at {point}")
        member = await _ask(storm, _MEMBER, str(crew.running[slot].pid))
        held = await _ask(storm, _HELD, member)
        await poll_until(
            lambda: _is_gone(storm, member), timeout=PATIENCE_SECONDS, what=f"others have what {slot} held"
        )
        storm.done["shards taken over from the stopped"] += held or 0
        await let_pass(storm.randomness.uniform(0.0, 1.5))  # at first nobody has done yet what it was about to do
    except AssertionError:  # its server was away all the time, or the machine has too much to do
        storm.done["stops that came to nothing"] += 1
        return False
    finally:
        crew.let_go(slot)
    return bool(held)


async def _is_gone(storm: Storm, member: UUID | None) -> bool:
    return bool(await _ask(storm, _HELD, member) == 0)


async def _ask(storm: Storm, question: str, about: object) -> Any:  # noqa: ANN401 - whatever was asked for
    """Return an answer of the database, None where it is being struck."""
    try:
        return await storm.pool.fetchval(question, about)
    except AWAY:
        return None


async def _withhold_leases(storm: Storm) -> bool:
    """Nobody can renew a lease for a while: both relays carry every shard, both projectors apply every shard."""
    try:
        async with storm.pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE log.members, log.shard_leases IN ACCESS EXCLUSIVE MODE")
            await connection.execute("SELECT pg_sleep($1)", _WITHHELD_SECONDS)
    except AWAY:
        return False
    return True


async def _stop_workers(storm: Storm) -> bool:
    """Workers sleep past their leases, and then go on with what others have by now."""
    was_stopped = storm.crew.pause("tasks-1")
    await let_pass(storm.randomness.uniform(1.5, 3.0))
    storm.crew.let_go("tasks-1")
    return was_stopped


PROCESS_STRIKES: tuple[Strike, ...] = (
    Strike("relay stopped between read and append, continued after its shards went", _stop_relay),
    Strike("projectors stopped inside a batch, continued after their shards went", _stop_projectors),
    Strike("leases withheld: everybody works on every shard", _withhold_leases),
    Strike("workers stopped past their leases", _stop_workers),
)
