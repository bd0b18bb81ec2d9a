"""Where the output of supervised processes goes: readable with a name in front, or JSON lines, or a file."""

import json
import threading
from collections.abc import Callable
from typing import TextIO

from rich.console import Console
from rich.text import Text

__all__ = ["console_lines", "json_lines"]

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_red")
_NAME_WIDTH = 12


def console_lines(console: Console) -> Callable[[str, str], None]:
    """Return a sink that puts the process's name in front of each line, in a colour of its own."""
    colours: dict[str, str] = {}
    lock = threading.Lock()

    def write(name: str, line: str) -> None:
        with lock:
            colour = colours.setdefault(name, _COLOURS[len(colours) % len(_COLOURS)])
            prefix = (f"{name:<{_NAME_WIDTH}} │ ", colour)
            console.print(Text.assemble(prefix, Text.from_ansi(line)), soft_wrap=True)

    return write


def json_lines(output: TextIO) -> Callable[[str, str], None]:
    """Return a sink that passes JSON objects on as they are and wraps every other line in one."""
    lock = threading.Lock()

    def write(name: str, line: str) -> None:
        if not line:
            return
        whole = (
            line
            if _is_json_object(line)
            else json.dumps({"process": name, "level": "info", "event": line}, ensure_ascii=False)
        )
        with lock:
            output.write(f"{whole}\n")
            output.flush()

    return write


def _is_json_object(line: str) -> bool:
    if not line.startswith("{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
