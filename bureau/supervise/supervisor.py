"""Keeps processes alive and ends them in order: one thread owns every child, everyone else sends it messages.

The thread starts units in the order asked for, restarts what ends by itself with growing pauses, and at the end stops
all in reverse order within a bounded time. On Linux a child also dies with the thread that started it, so no child
outlives this process, however it ends (see the launcher for other systems).
"""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from bureau.embedded.process import end_process
from bureau.supervise.unit import Unit

__all__ = ["ProcessState", "Supervisor", "open_supervisor"]

type LineSink = Callable[[str, str], None]
type Report = Callable[[str], None]

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS, _STEADY_SECONDS = 0.2, 10.0, 30.0
_STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One unit as it stands: `process_id` is None while it waits for its next start."""

    name: str
    process_id: int | None
    restarts: int


@dataclass(frozen=True, slots=True)
class _StartUnit:
    unit: Unit
    started: "Future[None]"


@dataclass(frozen=True, slots=True)
class _Exited:
    name: str
    process: "subprocess.Popen[bytes]"


@dataclass(frozen=True, slots=True)
class _Inspect:
    answer: "Future[tuple[ProcessState, ...]]"


@dataclass(frozen=True, slots=True)
class _Stop:
    pass


type _Message = _StartUnit | _Exited | _Inspect | _Stop


@dataclass(frozen=True, slots=True)
class _Child:
    """A unit's present: its process, when that started, and when the next start is due if it ended (monotonic)."""

    unit: Unit
    process: "subprocess.Popen[bytes] | None"
    started_at: float
    due_at: float | None = None
    pause_seconds: float = _FIRST_PAUSE_SECONDS
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Supervisor:
    """The way to the supervising thread."""

    inbox: "SimpleQueue[_Message]"

    def start(self, unit: Unit) -> None:
        """Start a unit and return when its `start` has; raises what that raised, and the unit is forgotten."""
        started: Future[None] = Future()
        self.inbox.put(_StartUnit(unit, started))
        started.result()

    def states(self) -> tuple[ProcessState, ...]:
        """Return every unit's state, in the order of their starts."""
        answer: Future[tuple[ProcessState, ...]] = Future()
        self.inbox.put(_Inspect(answer))
        return answer.result()


@dataclass(frozen=True, slots=True)
class _Context:
    inbox: "SimpleQueue[_Message]"
    write_line: LineSink
    report: Report
    readers: "list[threading.Thread]" = field(default_factory=list)


@contextmanager
def open_supervisor(write_line: LineSink, report: Report) -> Iterator[Supervisor]:
    """Run a supervisor; at the end every unit is stopped in reverse order, killed if need be, within 30 seconds.

    `write_line(unit name, line)` gets each line of output, `report(sentence)` what the supervisor did by itself; both
    are called from other threads.
    """
    context = _Context(SimpleQueue(), write_line, report)
    thread = threading.Thread(target=_supervise, args=(context,), name="supervisor")
    thread.start()
    try:
        yield Supervisor(context.inbox)
    finally:
        context.inbox.put(_Stop())
        thread.join()


def _supervise(context: _Context) -> None:
    children: dict[str, _Child] = {}
    while True:
        match _next_message(context.inbox, children):
            case _StartUnit(unit, started):
                children = _start_first(context, children, unit, started)
            case _Exited(name, process):
                children = _note_exit(context, children, name, process)
            case _Inspect(answer):
                answer.set_result(tuple(_state(child) for child in children.values()))
            case _Stop():
                break
            case None:
                children = _start_due(context, children)
    _stop_all(children)
    for reader in context.readers:
        reader.join(timeout=1.0)


def _next_message(inbox: "SimpleQueue[_Message]", children: Mapping[str, _Child]) -> _Message | None:
    due = [child.due_at for child in children.values() if child.due_at is not None]
    try:
        return inbox.get(timeout=max(0.0, min(due) - time.monotonic()) if due else None)
    except Empty:
        return None


def _start_first(
    context: _Context, children: dict[str, _Child], unit: Unit, started: "Future[None]"
) -> dict[str, _Child]:
    try:
        process = unit.start()
    except Exception as error:  # noqa: BLE001 - handed to the one who asked for the start
        started.set_exception(error)
        return children
    _attend(context, unit.name, process)
    started.set_result(None)
    return children | {unit.name: _Child(unit, process, time.monotonic())}


def _note_exit(
    context: _Context, children: dict[str, _Child], name: str, process: "subprocess.Popen[bytes]"
) -> dict[str, _Child]:
    child = children[name]
    end_process(process, ())
    if child.process is not process:
        return children
    was_steady = time.monotonic() - child.started_at > _STEADY_SECONDS
    pause = _FIRST_PAUSE_SECONDS if was_steady else child.pause_seconds
    context.report(f"{name} ended ({_describe_exit(process.returncode)}); starting it again in {pause:g} s")
    return children | {name: _waiting(child, pause)}


def _start_due(context: _Context, children: dict[str, _Child]) -> dict[str, _Child]:
    now = time.monotonic()
    due = (child for child in children.values() if child.due_at is not None and child.due_at <= now)
    return children | {child.unit.name: _start_again(context, child) for child in due}


def _start_again(context: _Context, child: _Child) -> _Child:
    try:
        process = child.unit.start()
    except Exception as error:  # noqa: BLE001 - whatever it was, the next attempt may go well
        context.report(f"{child.unit.name}: {error}; trying again in {child.pause_seconds:g} s")
        return _waiting(child, child.pause_seconds)
    _attend(context, child.unit.name, process)
    context.report(f"{child.unit.name} started again (process {process.pid})")
    return _Child(child.unit, process, time.monotonic(), None, child.pause_seconds, child.restarts + 1)


def _waiting(child: _Child, pause: float) -> _Child:
    due_at = time.monotonic() + pause
    return _Child(child.unit, None, child.started_at, due_at, min(pause * 2, _LONGEST_PAUSE_SECONDS), child.restarts)


def _attend(context: _Context, name: str, process: "subprocess.Popen[bytes]") -> None:
    """Two threads a process: one passes its lines on, one waits for its end."""
    if process.stdout is not None:
        reader = threading.Thread(target=_pass_lines_on, args=(context, name, process), daemon=True)
        reader.start()
        context.readers.append(reader)

    def wait() -> None:
        process.wait()
        context.inbox.put(_Exited(name, process))

    threading.Thread(target=wait, daemon=True).start()


def _pass_lines_on(context: _Context, name: str, process: "subprocess.Popen[bytes]") -> None:
    if process.stdout is None:
        return
    with process.stdout as output:
        for line in output:
            context.write_line(name, line.decode(errors="replace").rstrip("\r\n"))


def _stop_all(children: Mapping[str, _Child]) -> None:
    deadline = time.monotonic() + _STOP_SECONDS
    for child in reversed(tuple(children.values())):
        if child.process is None:
            continue
        remaining = max(0.0, deadline - time.monotonic())
        end_process(child.process, [(number, min(wait, remaining)) for number, wait in child.unit.stop_signals])


def _state(child: _Child) -> ProcessState:
    return ProcessState(child.unit.name, child.process.pid if child.process else None, child.restarts)


def _describe_exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
