"""Saving what several commands decided in one call and one commit: they wait for one flush of the log instead of each.

Only commands that change tasks alone are joined, for those meet nobody else's rows; whatever cannot be joined is saved
by itself. Nothing is shared but the commit: where the joint call is refused nothing of it is written,
and each of its commands is saved by itself, so that only the one at fault is told.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import chain
from typing import Final, NamedTuple
from uuid import UUID

from contracts.streams import Token
from infrastructure.postgres import Pool
from infrastructure.together import together
from infrastructure.write_store import CommandKey, StoreUnavailableError, Write, save_as_one, save_command

__all__ = ["joined_writes", "save_commands", "saving"]

_JOINT_BYTES: Final = 1_000_000


def saving(pool: Pool, *, most: int, lanes: int) -> Callable[[Write], Awaitable[Token]]:
    """Return `save_command` that joins what may be joined, at most so many at once on so many lanes.

    What may not goes its own way at once: it may wait for others' rows, and nobody waits for it.
    """
    join = together(partial(save_commands, pool), most=most, lanes=lanes)

    async def save(write: Write) -> Token:
        return await (join(write) if _meets_nobody(write) else save_command(pool, write))

    return save


async def save_commands(pool: Pool, writes: Sequence[Write]) -> list[Token | Exception]:
    """Commit commands and return what each reached, in their order, or its error as of `save_command`."""
    groups = joined_writes(writes)
    saved = await asyncio.gather(*(_save_group(pool, [writes[index] for index in group]) for group in groups))
    answers = dict(zip(chain.from_iterable(groups), chain.from_iterable(saved), strict=True))
    return [answers[index] for index in range(len(writes))]


def joined_writes(writes: Sequence[Write]) -> list[list[int]]:
    """Return which of the writes go together, by their places: the first group is joint, the others have one each."""
    joint, alone, common = list[int](), list[list[int]](), _Common()
    for index, write in enumerate(writes):
        with_it = _with(common, write)
        if with_it is None:
            alone.append([index])
        else:
            common = with_it
            joint.append(index)
    return [joint, *alone] if joint else alone


class _Common(NamedTuple):
    """What the parts of a joint write have in common, and what must not come twice; None where none has said yet."""

    workspace_id: str | None = None
    keys: frozenset[CommandKey] = frozenset()
    changed: frozenset[UUID] = frozenset()
    seen: frozenset[tuple[UUID, int]] | None = None
    size: int = 0


def _with(common: _Common, write: Write) -> _Common | None:
    """Return what is common with one more write, None where it may not be part of the joint one."""
    if not _meets_nobody(write) or write.key in common.keys:
        return None
    if common.workspace_id not in {None, write.key.workspace_id}:
        return None
    changed = {change.aggregate_id for change in write.changes}
    if not common.changed.isdisjoint(changed):
        return None
    # Guards that saw the same budgets say together what each says alone.
    seen = frozenset(write.guard.seen) if write.guard.scopes else common.seen
    if common.seen is not None and seen != common.seen:
        return None
    size = common.size + _size(write)
    if common.keys and size > _JOINT_BYTES:
        return None
    return _Common(write.key.workspace_id, common.keys | {write.key}, common.changed | changed, seen, size)


def _meets_nobody(write: Write) -> bool:
    """Tell whether a write changes tasks alone: it waits for nobody but who writes to its shards."""
    return all(change.kind == "task" for change in write.changes)


def _size(write: Write) -> int:
    """Return about how many bytes a write brings."""
    return sum(len(event.envelope) for event in write.events) + sum(len(change.state) for change in write.changes)


async def _save_group(pool: Pool, writes: Sequence[Write]) -> list[Token | Exception]:
    """Save writes that go together."""
    if len(writes) == 1:
        return [await _save_alone(pool, writes[0])]
    try:
        return list(await save_as_one(pool, writes))
    except StoreUnavailableError as error:
        return [error] * len(writes)  # whether it was committed only the receipts tell
    except Exception:  # noqa: BLE001 - nothing of it is written; by itself each is told what is wrong with it
        return list(await asyncio.gather(*(_save_alone(pool, write) for write in writes)))


async def _save_alone(pool: Pool, write: Write) -> Token | Exception:
    """Save one write and return what came of it."""
    try:
        return await save_command(pool, write)
    except Exception as error:  # noqa: BLE001 - whoever asked for it is told
        return error
