"""Processes that are killed again and again: forked from a server that has everything loaded, replaced at once."""

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from random import Random

from tests.faults.points import POINTS
from tests.faults.role import run

__all__ = ["SLOTS", "Crew", "open_crew"]

SLOTS = {
    "command-api-1": "command-api",
    "command-api-2": "command-api",
    "relay-1": "relay",
    "relay-2": "relay",
    "projectors-1": "projectors",
    "projectors-2": "projectors",
    "writers-1": "writers",
    "writers-2": "writers",
    "tasks-1": "tasks",
}
_MOST_CALLS = {"read_batches": 12, "append_batches": 8, "save_batch": 8, "read_log": 3, "locate_streams": 2}
_MOST_CALLS |= {"ensure_partitions": 1, "find_damage": 2, "raise_floors": 2, "trim_streams": 2, "renew_leases": 12}
_MOST_CALLS |= {"load_commands": 40, "save_commands": 20, "save_command": 10, "find_due_tasks": 10}


@dataclass(frozen=True, slots=True)
class Crew:
    """Who runs, by slot; how often each point struck; what died unasked, with its exit code.

    Who is `held` is stopped at a point of its own: nobody else kills it or lets it go on.
    """

    environment: Mapping[str, str]
    ports: Mapping[str, int]
    log: Path
    randomness: Random
    context: ForkServerContext
    running: dict[str, ForkServerProcess] = field(default_factory=dict)
    armed: dict[str, str] = field(default_factory=dict)
    struck: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)

    @property
    def kills(self) -> int:
        """How many processes were killed until now."""
        return sum(self.struck.values())

    def start(self, slot: str, point: str = "") -> None:
        """Start the process of a slot, with a fault point `<where>:<call>:<kill or stop>` or none."""
        environment = {
            **self.environment,
            "SLOT": slot,
            "BUREAU_PORT": str(self.ports.get(slot, 0)),
            "BUREAU_FAULT_POINT": point,
        }
        process = self.context.Process(target=run, args=(SLOTS[slot], environment, str(self.log)), daemon=True)
        process.start()
        self.running[slot] = process
        if point.endswith(":kill"):
            self.armed[slot] = point.partition(":")[0]

    def _next_point(self, slot: str) -> str:
        """Return one of the points of a slot's role by chance, to kill it; none where it has no points."""
        points = POINTS.get(SLOTS[slot])
        if not points:
            return ""
        point = self.randomness.choice(points)
        return f"{point}:{self.randomness.randint(1, _MOST_CALLS.get(point.split('.')[1], 6))}:kill"

    def replace_dead(self, *, is_armed: bool) -> None:
        """Count who died by its fault point, and start the next in its place."""
        for slot, process in list(self.running.items()):
            if process.exitcode is None:
                continue
            point = self.armed.pop(slot, "")
            if process.exitcode != -signal.SIGKILL:
                self.broken.append(f"{slot} ended by itself with {process.exitcode} ({point or 'no point'})")
            else:
                self.struck[point or f"{SLOTS[slot]} from outside"] += 1
            self.stopped.discard(slot)
            self.start(slot, self._next_point(slot) if is_armed else "")

    def command(self, words: str) -> ForkServerProcess:
        """Run a command of `bureau`; its exit code is that of the process."""
        environment = {**self.environment, "COMMAND": words}
        process = self.context.Process(target=run, args=("command", environment, str(self.log)))
        process.start()
        return process

    def kill(self, slot: str) -> None:
        """SIGKILL, at whatever it does; it counts when it is replaced."""
        if slot not in self.held:
            self.armed.pop(slot, None)
            self.running[slot].kill()

    def stop(self, slot: str) -> None:
        """SIGSTOP, at whatever it does."""
        if slot not in self.held and self._signal(slot, signal.SIGSTOP):
            self.stopped.add(slot)

    def proceed(self) -> None:
        """Let everybody go on who was stopped by chance."""
        for slot in list(self.stopped):
            self._signal(slot, signal.SIGCONT)
        self.stopped.clear()

    def hold(self, slot: str, point: str) -> None:
        """Replace a slot's process by one that stops itself at the point."""
        self.held.add(slot)
        self.end(slot)
        self.start(slot, f"{point}:{self.randomness.randint(2, 8)}:stop")

    def pause(self, slot: str) -> bool:
        """SIGSTOP until it is let go; False where it has just died."""
        self.held.add(slot)
        return self._signal(slot, signal.SIGSTOP)

    def is_stopped(self, slot: str) -> bool:
        """Tell whether a process is stopped now."""
        try:
            status = Path(f"/proc/{self.running[slot].pid}/stat").read_text(encoding="utf-8")
        except OSError:
            return False
        return status.rpartition(")")[2].split()[0] == "T"

    def let_go(self, slot: str) -> None:
        """Let a process that was held go on, and be killed like any other."""
        self._signal(slot, signal.SIGCONT)
        self.held.discard(slot)

    def _signal(self, slot: str, number: signal.Signals) -> bool:
        process = self.running[slot]
        if process.pid is None or process.exitcode is not None:
            return False
        os.kill(process.pid, number)
        return True

    def disarm(self) -> None:
        """Replace everybody who has a fault point still to come."""
        for slot in [slot for slot in self.armed if self.running[slot].exitcode is None]:
            self.end(slot)
            self.start(slot)

    def end(self, slot: str) -> None:
        """Kill without a replacement, and not counted."""
        process = self.running.pop(slot)
        self.armed.pop(slot, None)
        self.stopped.discard(slot)
        process.kill()
        process.join(20)


@contextmanager
def open_crew(
    environment: Mapping[str, str], ports: Mapping[str, int], log: Path, randomness: Random
) -> Iterator[Crew]:
    """Start the processes of all slots, unarmed; none is left in the end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.role"])
    crew = Crew({**environment, "BUREAU_LOG_FORMAT": "json"}, ports, log, randomness, context)
    try:
        for slot in SLOTS:
            crew.start(slot)
        yield crew
    finally:
        for slot in list(crew.running):
            crew.end(slot)
