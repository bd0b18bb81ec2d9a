"""Projectors as a process of their own whose code is broken while a file is there: `python -m … FILE`.

As long as it is, the projection `tasks` cannot take the third event of any task.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import projectors.main
from infrastructure.settings import Settings
from projectors.projections import PROJECTIONS, Recorded

__all__ = ["BROKEN_GENERATION"]

BROKEN_GENERATION = 3


def _guarded(flag: Path, project: Callable[[Any, Recorded[Any]], Any], view: object, recorded: Recorded[Any]) -> object:
    if recorded.generation == BROKEN_GENERATION and flag.exists():
        message = f"this code cannot take {recorded.type}"
        raise RuntimeError(message)
    return project(view, recorded)


async def _serve(flag: Path) -> None:
    tasks, *others = sorted(PROJECTIONS, key=lambda projection: projection.name != "tasks")
    views = tuple(replace(table, project=partial(_guarded, flag, table.project)) for table in tasks.views)
    await projectors.main.run(Settings(), asyncio.Event(), (replace(tasks, views=views), *others))


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
