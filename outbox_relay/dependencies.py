"""What the relay's services need from outside, as plain callables; `main` wires them to PostgreSQL and Redis."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from contracts.streams import EntryId
from infrastructure.log_batches import LogBatch
from infrastructure.stream_repair import Damage
from infrastructure.stream_shapes import StreamShape
from infrastructure.stream_writer import AppendAnswer
from outbox_relay.records import RelayStatus

__all__ = ["RelayDependencies"]


@dataclass(frozen=True, slots=True)
class RelayDependencies:
    """Everything with a socket or a clock."""

    count_shards: Callable[[], Awaitable[int]]
    held_shards: Callable[[], frozenset[int] | None]
    """Tells which shards are this relay's to carry; None: all, whatever others do."""
    read_batches: Callable[[Mapping[int, EntryId]], Awaitable[Sequence[LogBatch]]]
    """Takes shard -> end of its stream; answers what follows, bounded by count and bytes."""
    append_batches: Callable[[Sequence[LogBatch]], Awaitable[Sequence[AppendAnswer]]]
    locate_streams: Callable[[Sequence[int]], Awaitable[Sequence[AppendAnswer]]]
    ensure_partitions: Callable[[], Awaitable[int]]
    find_memory_dangers: Callable[[], Awaitable[Mapping[str, str]]]
    """Answers by name, in a sentence, what is dangerous about the memory of Redis."""
    find_damage: Callable[[Sequence[int]], Awaitable[Sequence[Damage]]]
    clear_stream: Callable[[int, StreamShape], Awaitable[bool]]
    """Empties the stream of a shard where it still has the shape that was seen."""
    wait_for_wake: Callable[[float], Awaitable[None]]
    """Returns when a command committed, at the latest after so many seconds."""
    monotonic_seconds: Callable[[], float]
    name_failure: Callable[[Exception], str]
    """Tells what an error's other side was: postgresql, redis, or relay where it is none of both."""
    report: Callable[[RelayStatus], None]
    read_status: Callable[[], RelayStatus]
