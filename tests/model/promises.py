"""The machine put together, and what it promises in every single state."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

from tests.model.applying import applying
from tests.model.carrying import carrying
from tests.model.explorer import Machine, Move
from tests.model.faults import faults
from tests.model.line import Bounds, Database, Line, Protections, Writer, live
from tests.model.writing import writing

__all__ = ["make_machine"]


def make_machine(bounds: Bounds, protections: Protections) -> Machine[Line]:
    """Return the machine of a line that is empty."""
    start = Line(
        database=Database(),
        writers=tuple(Writer() for _ in bounds.commands),
        relays=(None,) * bounds.relays,
        remembered_epochs=(1,) * bounds.relays,
        projectors=(None,) * bounds.projectors,
        memories=(None,) * bounds.projectors,
        left=(
            bounds.rollbacks,
            bounds.lost_answers,
            bounds.lost_calls,
            bounds.losses,
            bounds.deaths,
            bounds.restores,
        ),
    )
    return Machine(start, partial(_moves, bounds, protections), partial(_find_wrong, bounds), partial(_is_done, bounds))


def _moves(bounds: Bounds, protections: Protections, line: Line) -> Iterator[Move[Line]]:
    yield from writing(line, bounds, protections)
    yield from carrying(line, bounds, protections)
    yield from applying(line, bounds, protections)
    yield from faults(line, bounds)


def _is_done(bounds: Bounds, line: Line) -> bool:
    is_written = all(writer.answered == len(keys) for writer, keys in zip(line.writers, bounds.commands, strict=True))
    is_applied = not bounds.projectors or line.database.checkpoint[1] == len(line.database.log)
    is_carried = not bounds.relays or live(line) == line.database.log
    return is_written and is_carried and is_applied


def _find_wrong(bounds: Bounds, line: Line) -> str:
    """Say which promise is broken in a state; empty where all are kept."""
    return _wrong_log(line) or _wrong_stream(line) or _wrong_epoch(bounds, line) or _wrong_view(line)


def _wrong_log(line: Line) -> str:
    log = line.database.log
    if [entry.position for entry in log] != list(range(1, len(log) + 1)):
        return f"the log has the positions {[entry.position for entry in log]}"
    twice = [key for key, times in Counter(entry.event.key for entry in log).items() if times > 1]
    return f"carried out twice: {twice}" if twice else ""


def _wrong_stream(line: Line) -> str:
    """The stream begins with the log's entries; after a restore, and then only, it may end with lost ones."""
    log, entries = line.database.log, live(line)
    agreed = next((n for n, (left, right) in enumerate(zip(entries, log, strict=False)) if left != right), None)
    rest = entries[len(log) if agreed is None else agreed :]
    if not rest:
        return ""
    if not line.was_restored:
        return f"the stream has {rest[0]}, the log has not"
    back = [entry for entry in rest if entry in log]
    return f"the stream has {back[0]} behind a lost entry" if back else ""


def _wrong_epoch(bounds: Bounds, line: Line) -> str:
    """An event that is in the log stands on the stream under the log's id, and no other.

    Not where Redis loses entries too: a call that was sent before a bump may then arrive on the shorter stream. Readers
    ignore that entry, as its epoch is not its position's.
    """
    written = {entry.event: entry.epoch for entry in line.database.log}
    other = [entry for entry in line.stream if entry.epoch < written.get(entry.event, 0)]
    if bounds.losses or not other:
        return ""
    return f"the stream has {other[0]}, which the log wrote in epoch {written[other[0].event]}"


def _wrong_view(line: Line) -> str:
    database = line.database
    position = database.checkpoint[1]
    folded = tuple(entry.event for entry in database.log if entry.position <= position)
    if database.view == folded:
        return ""
    # Effect and checkpoint apart: a view that is ahead of its checkpoint is wrong too, for it will be applied again.
    return f"the view has {list(database.view)}, the log up to {position} {list(folded)}"
