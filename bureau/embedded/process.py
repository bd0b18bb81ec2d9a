"""Starting, waiting for and ending one server process.

Every server runs behind the launcher, so it ends when this process does, however that happens, and in a session of its
own, so Ctrl-C on the terminal reaches only the one who stops things in order.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from bureau.embedded.errors import ServerFailedError

__all__ = ["end_process", "launcher_command", "start_process", "wait_until_ready"]

_POLL_SECONDS = 0.01
_LAUNCHER = Path(__file__).with_name("launcher.py")


def launcher_command(
    program: Sequence[str], death_signal: signal.Signals = signal.SIGKILL, options: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the command line that runs `program` so that it receives `death_signal` when this process dies."""
    bare = (sys.executable, "-I", "-S", str(_LAUNCHER))
    return (*bare, "--parent", str(os.getpid()), "--signal", str(int(death_signal)), *options, "--", *program)


def start_process(command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    """Start a launcher command with its output appended to `log`; its standard input is a pipe that we keep.

    The process belongs to the thread that calls: on Linux it ends with that thread.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, cwd="/", start_new_session=True
        )


def wait_until_ready(
    process: "subprocess.Popen[bytes]", is_ready: Callable[[], bool], name: str, timeout_seconds: float
) -> bool:
    """Wait until the server is ready; False when the process ended first.

    Raises ServerFailedError at the deadline, after killing the process.
    """
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if is_ready():
            return True
        if process.poll() is not None:
            return False
        time.sleep(_POLL_SECONDS)
    end_process(process, ())
    message = f"{name} was not ready after {timeout_seconds:g} s: try again, or look at its log"
    raise ServerFailedError(message)


def end_process(process: "subprocess.Popen[bytes]", signals: Sequence[tuple[signal.Signals, float]]) -> int:
    """Send each signal in turn, waiting that many seconds after it, then SIGKILL; return the exit code.

    A process that has already ended is left alone.
    """
    for number, patience_seconds in signals:
        if process.poll() is not None:
            break
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience_seconds)
    if process.poll() is None:
        process.kill()
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
    return process.wait()
