"""What goes wrong in the model: losses of Redis, deaths, a database that goes back in time, and the operator's bump."""

from collections.abc import Iterator

from tests.model.explorer import Move
from tests.model.line import Bounds, Entry, Line, live

__all__ = ["DEATH", "LOSS", "LOST_ANSWER", "LOST_CALL", "RESTORE", "ROLLBACK", "faults", "spend"]

ROLLBACK, LOST_ANSWER, LOST_CALL, LOSS, DEATH, RESTORE = range(6)


def spend(line: Line, fault: int) -> Line:
    """Return the line with one fault of a kind less to come."""
    return line._replace(left=tuple(n - 1 if kind == fault else n for kind, n in enumerate(line.left)))


def faults(line: Line, bounds: Bounds) -> Iterator[Move[Line]]:
    """List what may go wrong now, and what an operator may do about it."""
    if line.left[LOSS]:
        for kept in range(len(line.stream)):
            lost = spend(line, LOSS)._replace(stream=line.stream[:kept])
            yield Move(f"Redis keeps {kept} entries", lost, is_fault=True)
    if line.left[DEATH]:
        for number, batch in enumerate(line.projectors):
            if batch is not None and batch.is_half:
                dead = (*line.projectors[:number], None, *line.projectors[number + 1 :])
                yield Move(f"projector {number} dies", spend(line, DEATH)._replace(projectors=dead), is_fault=True)
    if bounds.restores:
        yield from _time_travel(line)


def _time_travel(line: Line) -> Iterator[Move[Line]]:
    if line.backup is None and line.left[RESTORE]:
        yield Move("a backup is taken", line._replace(backup=line.database), is_fault=True)
    if line.left[RESTORE] and line.backup is not None and line.backup != line.database:
        # Transactions and batches under way die with the server; what processes remember does not.
        writers = tuple(writer._replace(phase="idle", entry=None) for writer in line.writers)
        back = line._replace(database=line.backup, writers=writers, was_restored=True)
        yield Move("the backup is put back", spend(back, RESTORE), is_fault=True)
    if line.was_restored and _is_diverged(line) and not any(w.phase == "inserted" for w in line.writers):
        yield Move("the operator bumps the epoch", _bump(line))


def _agreed(line: Line) -> int:
    """Return up to which position stream and log agree."""
    agreed = 0
    for entry, logged in zip(live(line), line.database.log, strict=False):
        if entry != logged:
            break
        agreed = entry.position
    return agreed


def _is_diverged(line: Line) -> bool:
    return len(live(line)) > _agreed(line)


def _bump(line: Line) -> Line:
    """Begin an epoch behind the last position on which both agree; the log's rows behind it go into the new one."""
    database, fork = line.database, _agreed(line)
    epoch = len(database.epochs) + 1
    log = tuple(Entry(epoch, e.position, e.event) if e.position > fork else e for e in database.log)
    return line._replace(database=database._replace(log=log, epochs=(*database.epochs, fork + 1)))
