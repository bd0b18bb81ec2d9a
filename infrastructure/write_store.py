"""Keeping what commands decide: one call saves, and no client stands between a lock and its commit.

Reads and writes `write.aggregates`, `write.messages`, `write.receipts` and, through `write.commit_commands`, the log.
States are JSON text here; what they mean is the domain's.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from contracts.streams import Token
from infrastructure.postgres import Pool, is_connection_error
from infrastructure.write_statements import SAVE_STATEMENT

__all__ = [
    "SPENT",
    "AggregateChange",
    "BudgetGuard",
    "CommandKey",
    "DuplicateReceiptError",
    "EventRecord",
    "MessageRecord",
    "StoreUnavailableError",
    "UniqueRuleError",
    "Write",
    "WriteConflictError",
    "save_as_one",
    "save_command",
    "translated",
    "written_columns",
]


class CommandKey(NamedTuple):
    """What makes a command the same command: workspace, principal and the client's or the service's key."""

    workspace_id: str
    principal: str
    key: str


SPENT: Final = -1
"""The expected revision of a change that adds to what was spent of a budget, at any revision of the generation."""


class AggregateChange(NamedTuple):
    """The new state of an aggregate; `expected_revision` is 0 where it is new.

    Where it is `SPENT`, `state` is what was spent: {"amount", "window_began", "below"}, as `domain.budget.Spend`.
    """

    aggregate_id: UUID
    kind: str
    expected_revision: int
    generation: int
    state: str


class EventRecord(NamedTuple):
    """An event for the log; `envelope` is finished."""

    shard: int
    event_id: UUID
    event_type: str
    aggregate_kind: str
    aggregate_id: UUID
    generation: int
    root_id: UUID
    envelope: bytes


class MessageRecord(NamedTuple):
    """Content for a worker; `body` is JSON."""

    task_id: UUID
    ordinal: int
    body: bytes


class BudgetGuard(NamedTuple):
    """What must still be so when a command is saved: of the budgets over these scopes, exactly those seen, unchanged.

    `seen` has each budget's id and generation. Spend that brings no event does not count as a change.
    """

    scopes: Sequence[str] = ()
    seen: Sequence[tuple[UUID, int]] = ()


class Write(NamedTuple):
    """Everything that one command writes; `shards` are those of all roots it touched, whether events came or not.

    Without shards it writes its receipt alone.
    """

    key: CommandKey
    fingerprint: bytes
    result: bytes
    changes: Sequence[AggregateChange]
    messages: Sequence[MessageRecord]
    events: Sequence[EventRecord]
    shards: frozenset[int]
    guard: BudgetGuard = BudgetGuard()


class WriteConflictError(Exception):
    """Another command changed an aggregate or a guarding budget first, or the database broke a deadlock: load again."""


class DuplicateReceiptError(Exception):
    """The same command was committed before: load again and find its receipt."""


class UniqueRuleError(Exception):
    """A rule that the database guards was broken; `constraint` names it."""

    def __init__(self, constraint: str) -> None:
        """Keep the constraint's name."""
        super().__init__(constraint)
        self.constraint = constraint


class StoreUnavailableError(Exception):
    """The database is out of reach; whether the call was committed only its receipt tells."""


_REVISION_CONFLICT: Final = "BU001"
_CONFLICTS: Final = frozenset({_REVISION_CONFLICT, "40P01", "40001", "55P03"})
_GUARDED_RULES: Final = frozenset({"agents_name_key", "budgets_scope_key", "tasks_slot_key"})


async def save_command(pool: Pool, write: Write) -> Token:
    """Commit a command in one call and return the positions that it reached; all of it is written, or nothing.

    Raises WriteConflictError, DuplicateReceiptError, UniqueRuleError and StoreUnavailableError.
    """
    (token,) = await save_as_one(pool, [write])
    return token


async def save_as_one(pool: Pool, writes: Sequence[Write]) -> list[Token]:
    """Commit commands of one workspace in one call and return what each reached; raises as `save_command`.

    Their guards must have seen the same budgets, and no aggregate is changed by two of them.
    """
    shards = sorted({shard for write in writes for shard in write.shards})
    try:
        epochs, positions = await pool.fetchrow(  # type: ignore[misc] # the function always returns one row
            SAVE_STATEMENT, *written_columns(writes)
        )
    except Exception as error:
        raise translated(error) from error
    # Without shards both are NULL.
    epoch_of = dict(zip(shards, epochs or (), strict=True))
    position_of = dict(zip(shards, positions or (), strict=True))
    return [
        Token(
            max(map(epoch_of.__getitem__, write.shards), default=0),
            {shard: position_of[shard] for shard in sorted(write.shards)},
        )
        for write in writes
    ]


def written_columns(writes: Sequence[Write]) -> tuple[object, ...]:
    """Return what writes of one workspace bring column by column, as the parameters of SAVE_STATEMENT."""
    return (writes[0].key.workspace_id, *_receipt_columns(writes), *_columns(writes))


def _receipt_columns(writes: Sequence[Write]) -> tuple[Sequence[object], ...]:
    """Return the receipts column by column, then number and shard of each shard that a command touched."""
    touched = [(number, shard) for number, write in enumerate(writes, start=1) for shard in write.shards]
    return (
        [write.key.principal for write in writes],
        [write.key.key for write in writes],
        [write.fingerprint for write in writes],
        [write.result for write in writes],
        [number for number, _ in touched],
        [shard for _, shard in touched],
    )


def _columns(writes: Sequence[Write]) -> tuple[Sequence[object], ...]:
    """Return all that writes bring but their receipts, column by column."""
    changes = [change for write in writes for change in write.changes]
    # In the order of ids and shards: two commands on the same ones meet at the first, never crosswise. Budgets last:
    # they are what others wait for.
    changes.sort(key=lambda change: (change.kind == "budget", change.aggregate_id))
    messages = [message for write in writes for message in write.messages]
    events = [event for write in writes for event in write.events]
    seen = sorted({seen for write in writes for seen in write.guard.seen})
    return (
        [change.kind for change in changes],
        [change.aggregate_id for change in changes],
        [change.expected_revision for change in changes],
        [change.generation for change in changes],
        [change.state for change in changes],
        [message.task_id for message in messages],
        [message.ordinal for message in messages],
        [message.body for message in messages],
        sorted({shard for write in writes for shard in write.shards}),
        [event.shard for event in events],
        [event.event_id for event in events],
        [event.event_type for event in events],
        [event.aggregate_kind for event in events],
        [event.aggregate_id for event in events],
        [event.generation for event in events],
        [event.root_id for event in events],
        [event.envelope for event in events],
        sorted({scope for write in writes for scope in write.guard.scopes}),
        [budget_id for budget_id, _ in seen],
        [generation for _, generation in seen],
    )


def translated(error: Exception) -> Exception:
    """Return our error for the database's; one that means a bug stays as it is."""
    if isinstance(error, asyncpg.UniqueViolationError):
        constraint = error.constraint_name or ""
        if constraint == "receipts_pkey":
            return DuplicateReceiptError()
        if constraint in _GUARDED_RULES:
            return UniqueRuleError(constraint)
        return WriteConflictError(constraint)
    if isinstance(error, asyncpg.PostgresError) and error.sqlstate in _CONFLICTS:
        return WriteConflictError(error.sqlstate)
    if is_connection_error(error):
        return StoreUnavailableError(type(error).__name__)
    return error
