"""What the demonstration shows while it runs, on standard error: steps, then the task's own progress."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from client.records import TaskTimelineEntry

__all__ = ["DemoProgress", "showing_progress"]


@dataclass(frozen=True, slots=True)
class DemoProgress:
    """`say` tells a step, `on_entry` a change of the task."""

    say: Callable[[str], None]
    on_entry: Callable[[TaskTimelineEntry], None]


@contextmanager
def showing_progress(console: Console) -> Iterator[DemoProgress]:
    """A bar on a terminal, plain lines otherwise."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting", total=1.0)

        def say(sentence: str) -> None:
            bar.update(task, description=sentence)
            console.print(f"• {sentence}", markup=False, highlight=False, soft_wrap=True)

        yield DemoProgress(say, lambda entry: _show_entry(bar, task, say, entry))


def _show_entry(bar: Progress, task: TaskID, say: Callable[[str], None], entry: TaskTimelineEntry) -> None:
    fraction = entry.data.get("fraction")
    if isinstance(fraction, int | float):
        bar.update(task, completed=float(fraction))
    say(f"task generation {entry.generation}: {entry.type.removeprefix('task.').replace('_', ' ')}{_detail(entry)}")


def _detail(entry: TaskTimelineEntry) -> str:
    match entry.data:
        case {"fraction": int() | float() as fraction, "message": {"parts": [{"text": str(text)}, *_]}}:
            return f" {fraction:.0%}, {text}"
        case {"fraction": int() | float() as fraction}:
            return f" {fraction:.0%}"
        case {"artifact": {"name": str(name)}}:
            return f": {name}"
        case {"worker": str(worker)}:
            return f" by {worker}"
        case _:
            return ""
