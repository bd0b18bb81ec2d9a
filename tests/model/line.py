"""The state of the modelled line: one shard, its log, its stream, one read model, and everybody who works on them.

An entry is (epoch, position, event); an event is the key of its command and the number of the attempt that made it.
"""

from dataclasses import dataclass
from typing import NamedTuple

__all__ = [
    "Append",
    "Apply",
    "Bounds",
    "Database",
    "Entry",
    "Event",
    "Line",
    "Memory",
    "Protections",
    "Writer",
    "epoch_at",
    "live",
]


class Event(NamedTuple):
    """Made by one attempt of one command: the identity of an event."""

    key: str
    attempt: int


class Entry(NamedTuple):
    """An event where it stands."""

    epoch: int
    position: int
    event: Event


@dataclass(frozen=True, slots=True)
class Protections:
    """What keeps the line right; each can be taken away, and then the model has to find a wrong state."""

    has_gapless_shard: bool = True
    """Positions are given out under a lock that is held until commit; else by a sequence."""
    has_strict_receipt: bool = True
    """A second commit of the same command aborts; else ON CONFLICT DO NOTHING."""
    has_compare_and_append: bool = True
    """The stream's end is compared with the log; else a plain XADD of the batch."""
    has_event_comparison: bool = True
    """By id and event id; else by id only."""
    has_epoch_of_row: bool = True
    """An entry's epoch is its row's; else what the relay remembers."""
    has_fence: bool = True
    """A checkpoint moves only from where the batch began; else wherever it stands."""
    has_common_transaction: bool = True
    """Effect and checkpoint are committed together; else one after the other."""
    has_event_fence: bool = True
    """A checkpoint moves only to an entry that the log holds; else to whatever the stream brought."""
    has_memory_fence: bool = True
    """What a projector remembers counts only where the log still holds the event that it was remembered at."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may happen. `commands` are the keys that each writer sends, one after the other."""

    commands: tuple[tuple[str, ...], ...]
    relays: int = 1
    projectors: int = 0
    batch: int = 2
    rollbacks: int = 0
    lost_answers: int = 0
    lost_calls: int = 0
    losses: int = 0
    deaths: int = 0
    restores: int = 0
    has_memory: bool = False
    """Projectors remember what they saved last, and load nothing where that is still right."""


class Writer(NamedTuple):
    """A client with its commands: how many it has had answered; `phase` idle, loaded or inserted (at `entry`)."""

    answered: int = 0
    attempts: int = 0
    phase: str = "idle"
    entry: Entry | None = None


class Append(NamedTuple):
    """A relay's call: the log's entry before the batch (None at its beginning), the next epoch, the batch."""

    predecessor: Entry | None
    next_epoch: int
    entries: tuple[Entry, ...]


class Memory(NamedTuple):
    """The view that a projector saved last, and the entry that it had come to."""

    at: Entry
    view: tuple[Event, ...]


class Apply(NamedTuple):
    """A projector's batch: the checkpoint that it starts from, the entries, what is remembered; half saved or not."""

    checkpoint: tuple[int, int]
    entries: tuple[Entry, ...]
    memory: Memory | None = None
    is_half: bool = False


class Database(NamedTuple):
    """What a backup holds. `epochs` are first positions, of epoch 1 on; `next_number` is the naive sequence."""

    log: tuple[Entry, ...] = ()
    epochs: tuple[int, ...] = (1,)
    receipts: frozenset[str] = frozenset()
    view: tuple[Event, ...] = ()
    checkpoint: tuple[int, int] = (1, 0)
    next_number: int = 1


class Line(NamedTuple):
    """Everything. `sent` are calls on the way to Redis whose relay is gone; `left` counts what may still happen."""

    database: Database
    writers: tuple[Writer, ...]
    relays: tuple[Append | None, ...]
    remembered_epochs: tuple[int, ...]
    projectors: tuple[Apply | None, ...]
    memories: tuple[Memory | None, ...]
    left: tuple[int, ...]
    stream: tuple[Entry, ...] = ()
    sent: frozenset[Append] = frozenset()
    backup: Database | None = None
    was_restored: bool = False


def epoch_at(epochs: tuple[int, ...], position: int) -> int:
    """Return the epoch that a position is written in."""
    return max(number for number, first in enumerate(epochs, start=1) if first <= position)


def live(line: Line) -> tuple[Entry, ...]:
    """Return the stream without the entries of lost epochs, as every reader sees it."""
    epochs = line.database.epochs
    return tuple(entry for entry in line.stream if entry.epoch >= epoch_at(epochs, entry.position))
