"""Bars for long work, on standard error: how much is done, how fast, how long it still takes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

__all__ = ["showing_steps"]


class _CountColumn(ProgressColumn):
    """How many of how many, and how many a second."""

    def render(self, task: Task) -> Text:
        done = f"{task.completed:,.0f}" + (f" of {task.total:,.0f}" if task.total is not None else "")
        speed = task.finished_speed or task.speed
        return Text(f"{done}  {speed:,.0f}/s" if speed else done)


@contextmanager
def showing_steps(console: Console) -> Iterator[Callable[[str, int, int | None], None]]:
    """Yield what is told a step, how much of it is done and how much it is (None where nobody knows).

    One bar a step. Nothing is shown where the console is no terminal.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), _CountColumn(), TimeRemainingColumn())
    steps: dict[str, TaskID] = {}
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:

        def advance(step: str, done: int, total: int | None) -> None:
            if step not in steps:
                steps[step] = bar.add_task(step, total=total)
            bar.update(steps[step], completed=done, total=total)

        yield advance
