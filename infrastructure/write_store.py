"""Keeping what commands decide: one call saves, and no client stands between a lock and its commit.

Reads and writes `write.aggregates`, `write.messages`, `write.receipts` and, through `write.commit_command`, the log.
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
    """Everything that one command writes; `shards` are those of all roots it touched, whether events came or not."""

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
    try:
        epoch, shards, positions = await pool.fetchrow(  # type: ignore[misc] # the function always returns one row
            SAVE_STATEMENT, *write.key, write.fingerprint, write.result, *written_columns(write)
        )
    except Exception as error:
        raise translated(error) from error
    return Token(epoch, dict(zip(shards, positions, strict=True)))


def written_columns(write: Write) -> tuple[Sequence[object], ...]:
    """Return all of a write but its receipt column by column, in the order of the saving functions' parameters."""
    # In the order of ids and shards: two commands on the same ones meet at the first, never crosswise. Budgets last:
    # they are what others wait for.
    changes = sorted(write.changes, key=lambda change: (change.kind == "budget", change.aggregate_id))
    events = write.events
    return (
        [change.kind for change in changes],
        [change.aggregate_id for change in changes],
        [change.expected_revision for change in changes],
        [change.generation for change in changes],
        [change.state for change in changes],
        [message.task_id for message in write.messages],
        [message.ordinal for message in write.messages],
        [message.body for message in write.messages],
        sorted(write.shards),
        [event.shard for event in events],
        [event.event_id for event in events],
        [event.event_type for event in events],
        [event.aggregate_kind for event in events],
        [event.aggregate_id for event in events],
        [event.generation for event in events],
        [event.root_id for event in events],
        [event.envelope for event in events],
        write.guard.scopes,
        [budget_id for budget_id, _ in write.guard.seen],
        [generation for _, generation in write.guard.seen],
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
