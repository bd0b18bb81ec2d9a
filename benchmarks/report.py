"""What a measurement came to, and the table that shows it: every figure beside the floor of the same run."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

__all__ = ["Result", "print_results"]


@dataclass(frozen=True, slots=True)
class Result:
    """One figure; `floor` is what the bare operation came to in the same run, `ratio` how near we are to it.

    For a rate the ratio is value / floor, for a time floor / value: more is better, 1 is the floor itself.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    note: str = ""


def print_results(title: str, results: Sequence[Result]) -> None:
    """Print a table to standard output."""
    table = Table(title=title, title_justify="left")
    table.add_column("measurement")
    for heading in ("value", "floor", "ratio"):
        table.add_column(heading, justify="right")
    table.add_column("unit")
    table.add_column("note", overflow="fold")
    for result in results:
        table.add_row(
            result.name,
            f"{result.value:,.2f}" if result.value < 100 else f"{result.value:,.0f}",
            "" if result.floor is None else f"{result.floor:,.2f}" if result.floor < 100 else f"{result.floor:,.0f}",
            "" if result.ratio is None else f"{result.ratio:.2f}",
            result.unit,
            result.note,
        )
    Console().print(table)
