"""The relay in the model: read behind the stream's end, compare and append; calls may arrive after their relay died."""

from collections.abc import Iterator

from tests.model.explorer import Move
from tests.model.faults import LOST_CALL, spend
from tests.model.line import Append, Bounds, Entry, Line, Protections, epoch_at

__all__ = ["carrying"]


def carrying(line: Line, bounds: Bounds, protections: Protections) -> Iterator[Move[Line]]:
    """List what each relay may do next, and which calls may arrive."""
    for number, call in enumerate(line.relays):
        if call is None:
            read = _read(line, number, bounds, protections)
            if read is not None:
                yield Move(f"relay {number} reads", _put(line, number, read))
            continue
        idle = _put(line, number, None)
        yield Move(f"relay {number} appends", _append(idle, call, protections))
        if line.left[LOST_CALL]:
            sent = spend(idle, LOST_CALL)._replace(sent=line.sent | {call})
            yield Move(f"relay {number} dies with its call on the way", sent, is_fault=True)
    for call in line.sent:
        arrived = line._replace(sent=line.sent - {call})
        yield Move("a call of a dead relay arrives", _append(arrived, call, protections))


def _put(line: Line, number: int, call: Append | None) -> Line:
    return line._replace(relays=(*line.relays[:number], call, *line.relays[number + 1 :]))


def _read(line: Line, number: int, bounds: Bounds, protections: Protections) -> Append | None:
    """Return what follows the stream's end in the log; None where nothing does, or the log does not reach it."""
    database = line.database
    end = line.stream[-1] if line.stream else None
    start = end.position if end else 0
    # What the stream holds from where a later epoch began is of a lost future.
    later = [first for epoch, first in enumerate(database.epochs, start=1) if end and epoch > end.epoch]
    start = min([start, *(first - 1 for first in later)])
    predecessor = next((entry for entry in database.log if entry.position == start), None)
    if predecessor is None and start and protections.has_gapless_shard:
        return None
    following = [entry for entry in database.log if entry.position > start][: bounds.batch]
    if not following or (protections.has_gapless_shard and following[0].position != start + 1):
        return None
    if not protections.has_epoch_of_row:
        following = [entry._replace(epoch=line.remembered_epochs[number]) for entry in following]
    return Append(predecessor, epoch_at(database.epochs, start + 1), tuple(following))


def _append(line: Line, call: Append, protections: Protections) -> Line:
    """Do what the script does: nothing at all where the stream does not end as the log says."""
    if not protections.has_compare_and_append:
        return line._replace(stream=line.stream + call.entries)
    known = _known(line.stream, call, protections)
    return line if known is None else line._replace(stream=line.stream + call.entries[known:])


def _known(stream: tuple[Entry, ...], call: Append, protections: Protections) -> int | None:
    """Return how many entries of the call the stream has already; None where nothing may be appended."""
    start = call.predecessor.position if call.predecessor else 0
    if not stream:
        return 0 if start == 0 else None
    last = stream[-1]
    if last.epoch < call.next_epoch and last.position > start:
        # The one legal jump: only on a stream that holds the predecessor.
        return 0 if call.predecessor is None or call.predecessor in stream else None
    overlap = last.position - start
    if not 0 <= overlap <= len(call.entries):
        return None
    expected = call.entries[overlap - 1] if overlap else call.predecessor
    if expected is None or (last.epoch, last.position) != (expected.epoch, expected.position):
        return None
    return overlap if last.event == expected.event or not protections.has_event_comparison else None
