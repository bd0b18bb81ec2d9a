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
    "relay-1": "relay",
    "relay-2": "relay",
    "projectors-1": "projectors",
    "projectors-2": "projectors",
    "writer-1": "writer",
    "writer-2": "writer",
}
_MOST_CALLS = {"read_batches": 30, "append_batches": 15, "save_batch": 20, "read_log": 3, "locate_streams": 2}


@dataclass(frozen=True, slots=True)
class Crew:
    """Who runs, by slot; how often each point struck; what died unasked, with its exit code."""

    environment: Mapping[str, str]
    log: Path
    randomness: Random
    context: ForkServerContext
    running: dict[str, ForkServerProcess] = field(default_factory=dict)
    armed: dict[str, str] = field(default_factory=dict)
    struck: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)

    @property
    def kills(self) -> int:
        """How many processes were killed until now."""
        return sum(self.struck.values())

    def start(self, slot: str, *, is_armed: bool) -> None:
        """Start the process of a slot, with the next fault point or none."""
        role = SLOTS[slot]
        environment = {**self.environment, "WRITER": slot, "BUREAU_FAULT_POINT": ""}
        if is_armed and role in POINTS:
            point = self.randomness.choice(POINTS[role])
            most = _MOST_CALLS.get(point.split(".")[1], 6)
            environment["BUREAU_FAULT_POINT"] = f"{point}:{self.randomness.randint(1, most)}:kill"
            self.armed[slot] = point
        process = self.context.Process(target=run, args=(role, environment, str(self.log)), daemon=True)
        process.start()
        self.running[slot] = process

    def replace_dead(self, *, is_armed: bool) -> None:
        """Count who died by its fault point, and start the next in its place."""
        for slot, process in list(self.running.items()):
            if process.exitcode is None:
                continue
            point = self.armed.pop(slot, "")
            if process.exitcode != -signal.SIGKILL:
                self.broken.append(f"{slot} ended by itself with {process.exitcode} ({point or 'no point'})")
            else:
                self.struck[point or "from outside"] += 1
            self.stopped.discard(slot)
            self.start(slot, is_armed=is_armed)

    def command(self, words: str) -> ForkServerProcess:
        """Run a command of `bureau`; its exit code is that of the process."""
        environment = {**self.environment, "COMMAND": words}
        process = self.context.Process(target=run, args=("command", environment, str(self.log)))
        process.start()
        return process

    def kill(self, slot: str) -> None:
        """SIGKILL, at whatever it does; it counts when it is replaced."""
        self.armed.pop(slot, None)
        self.running[slot].kill()

    def stop(self, slot: str) -> None:
        """SIGSTOP, at whatever it does."""
        if (number := self.running[slot].pid) and self.running[slot].exitcode is None:
            os.kill(number, signal.SIGSTOP)
            self.stopped.add(slot)

    def proceed(self) -> None:
        """Let everybody go on who was stopped."""
        for slot in list(self.stopped):
            if (number := self.running[slot].pid) and self.running[slot].exitcode is None:
                os.kill(number, signal.SIGCONT)
        self.stopped.clear()

    def disarm(self) -> None:
        """Replace everybody who has a fault point still to come."""
        for slot in [slot for slot in self.armed if self.running[slot].exitcode is None]:
            self.end(slot)
            self.start(slot, is_armed=False)

    def end(self, slot: str) -> None:
        """Kill without a replacement, and not counted."""
        process = self.running.pop(slot)
        self.armed.pop(slot, None)
        process.kill()
        process.join(20)


@contextmanager
def open_crew(environment: Mapping[str, str], log: Path, randomness: Random) -> Iterator[Crew]:
    """Start the processes of all slots, unarmed; none is left in the end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.role"])
    crew = Crew({**environment, "BUREAU_PORT": "0", "BUREAU_LOG_FORMAT": "json"}, log, randomness, context)
    try:
        for slot in SLOTS:
            crew.start(slot, is_armed=False)
        yield crew
    finally:
        for slot in list(crew.running):
            crew.end(slot)
