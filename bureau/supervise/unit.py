"""What is supervised: a name, how it is started, how it is asked to stop."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bureau.embedded.process import launcher_command

__all__ = ["Unit", "program_unit"]

_STOP = ((signal.SIGTERM, 10.0),)


@dataclass(frozen=True, slots=True)
class Unit:
    """One supervised process.

    `start` is called for the first start and for every restart, and returns when the process exists (a server's
    returns when it is ready); `stop_signals` are sent in turn, each with the seconds to wait after it, before SIGKILL.
    """

    name: str
    start: Callable[[], "subprocess.Popen[bytes]"]
    stop_signals: tuple[tuple[signal.Signals, float], ...] = field(default=_STOP)


def program_unit(
    name: str, program: Sequence[str], environment: Mapping[str, str] | None = None, directory: Path | None = None
) -> Unit:
    """Return a unit that runs a program whose output becomes log lines and which dies with this process.

    `environment` is added to this process's own.
    """

    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            launcher_command(program),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=dict(os.environ) | dict(environment or {}),
            start_new_session=True,
        )

    return Unit(name, start)
