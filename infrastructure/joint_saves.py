"""Saving what several commands decided in one call and one commit: they wait for one flush of the log instead of each.

Only commands of one shard that change tasks alone are joined, for those meet nobody else's rows; whatever cannot be
joined is saved by itself. Nothing is shared but the commit: where the joint call is refused nothing of it is written,
and each of its commands is saved by itself, so that only the one at fault is told.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import chain
from typing import Final

from contracts.streams import Token
from infrastructure.postgres import Pool
from infrastructure.together import together
from infrastructure.write_statements import SAVE_TOGETHER_STATEMENT
from infrastructure.write_store import (
    BudgetGuard,
    CommandKey,
    StoreUnavailableError,
    Write,
    save_command,
    translated,
    written_columns,
)

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
    joint: list[int] = []
    alone: list[list[int]] = []
    for index, write in enumerate(writes):
        if _is_joinable(write, [writes[other] for other in joint]):
            joint.append(index)
        else:
            alone.append([index])
    return [joint, *alone] if joint else alone


def _is_joinable(write: Write, others: Sequence[Write]) -> bool:
    """Tell whether a write may be part of a joint one with these others."""
    if not _meets_nobody(write):
        return False
    if any(write.key.workspace_id != other.key.workspace_id or write.key == other.key for other in others):
        return False
    changed = {change.aggregate_id for other in others for change in other.changes}
    if any(change.aggregate_id in changed for change in write.changes):
        return False
    # Guards that saw the same budgets say together what each says alone.
    if write.guard.scopes and any(o.guard.scopes and set(o.guard.seen) != set(write.guard.seen) for o in others):
        return False
    return sum(_size(each) for each in (*others, write)) <= _JOINT_BYTES


def _meets_nobody(write: Write) -> bool:
    """Tell whether a write is of one shard and changes tasks alone: it waits for nobody but who writes to the shard."""
    return len(write.shards) == 1 and all(change.kind == "task" for change in write.changes)


def _size(write: Write) -> int:
    """Return about how many bytes a write brings."""
    return sum(len(event.envelope) for event in write.events) + sum(len(change.state) for change in write.changes)


async def _save_group(pool: Pool, writes: Sequence[Write]) -> list[Token | Exception]:
    """Save writes that go together."""
    if len(writes) == 1:
        return [await _save_alone(pool, writes[0])]
    try:
        return list(await _save_jointly(pool, writes))
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


async def _save_jointly(pool: Pool, writes: Sequence[Write]) -> list[Token]:
    """Commit writes in one call and return what each reached; raises the errors of `save_command`."""
    shards = [next(iter(write.shards)) for write in writes]
    try:
        rows = await pool.fetch(
            SAVE_TOGETHER_STATEMENT,
            writes[0].key.workspace_id,
            [write.key.principal for write in writes],
            [write.key.key for write in writes],
            [write.fingerprint for write in writes],
            [write.result for write in writes],
            shards,
            *written_columns(_joint(writes)),
        )
    except Exception as error:
        raise translated(error) from error
    reached = {row[0]: Token(row[1], {row[0]: row[2]}) for row in rows}
    return [reached[shard] for shard in shards]


def _joint(writes: Sequence[Write]) -> Write:
    """Return all that the writes bring as one, without a receipt."""
    return Write(
        key=CommandKey("", "", ""),
        fingerprint=b"",
        result=b"",
        changes=[change for write in writes for change in write.changes],
        messages=[message for write in writes for message in write.messages],
        events=[event for write in writes for event in write.events],
        shards=frozenset(shard for write in writes for shard in write.shards),
        guard=BudgetGuard(
            sorted({scope for write in writes for scope in write.guard.scopes}),
            sorted({seen for write in writes for seen in write.guard.seen}),
        ),
    )
