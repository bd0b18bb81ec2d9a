"""What `bureau rebuild` shows while it runs: a bar with rate and remaining time, JSON lines, or a line a phase."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from bureau.cli.progress import showing_steps
from infrastructure.clock import monotonic_seconds
from projectors.rebuilding import Phase, Progress

__all__ = ["showing_rebuild"]

_JSON_SECONDS = 1.0


@contextmanager
def showing_rebuild(console: Console, name: str, *, is_json: bool) -> Iterator[Callable[[Progress], None]]:
    """Yield what is told each step."""
    if is_json:
        yield _open_lines()
    elif not console.is_terminal:
        yield _open_phases(console, name)
    else:
        with showing_steps(console) as advance:
            yield lambda step: advance(f"{name}: {step.phase}", step.applied, step.total)


def _open_lines() -> Callable[[Progress], None]:
    """Return what writes a JSON line at each change of phase, and once a second."""
    started, told_at = monotonic_seconds(), 0.0
    told: Phase | None = None
    first: int | None = None

    def tell(step: Progress) -> None:
        nonlocal told, told_at, first
        first = step.applied if first is None else first  # what an earlier call applied is not this one's pace
        now = monotonic_seconds()
        if step.phase is told and now - told_at < _JSON_SECONDS:
            return
        told, told_at = step.phase, now
        rate = (step.applied - first) / max(now - started, 0.001)
        line = {
            "phase": step.phase.value,
            "applied": step.applied,
            "total": step.total,
            "events_per_second": round(rate, 1),
            "remaining_seconds": round((step.total - step.applied) / rate, 1) if rate > 0 else None,
        }
        sys.stderr.write(f"{json.dumps(line)}\n")
        sys.stderr.flush()

    return tell


def _open_phases(console: Console, name: str) -> Callable[[Progress], None]:
    """Return what writes a line at each change of phase."""
    told: Phase | None = None

    def tell(step: Progress) -> None:
        nonlocal told
        if step.phase is not told:
            told = step.phase
            words = f"{name}: {step.phase}, {step.applied:,} of {step.total:,} events"
            console.print(words, markup=False, highlight=False, soft_wrap=True)

    return tell
