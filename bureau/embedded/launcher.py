"""Runs one program so that it cannot outlive the process that asked for it.

Started as a file by a bare interpreter (`python -I -S launcher.py OPTIONS -- PROGRAM …`), so it imports the standard
library only. On Linux it asks the kernel for a signal at the parent's death, takes the wanted user and becomes the
program: the process id stays. Elsewhere (or with `--watch`) it stays in between, forwards signals, and ends the
program when its standard input, a pipe whose other end the parent holds, reaches its end.

    --parent PID        whose death ends the program
    --signal NUMBER     what the program receives then (default 9)
    --namespace UID:GID enter a user namespace in which root appears as this user (files stay root's)
    --user UID:GID      become this user
    --watch             the portable way, through the pipe
"""

import argparse
import ctypes
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 5.0


def main(arguments: list[str]) -> int:
    """Become (or guard) the program named in `arguments`; returns only when guarding, with its exit code."""
    options = _parse(arguments)
    is_watching = options.watch or sys.platform != "linux"
    library = None if is_watching else ctypes.CDLL(None, use_errno=True)
    if options.namespace:
        _enter_namespace(*options.namespace)
    if options.user:
        _become(*options.user)
    if library is not None:
        library.prctl(_PR_SET_PDEATHSIG, options.signal, 0, 0, 0)
        _become_program(options.program, options.parent)
    return _guard(options.program, options.signal)


def _become_program(program: list[str], parent: int) -> NoReturn:
    if os.getppid() != parent:
        raise SystemExit(1)
    os.execv(program[0], program)  # noqa: S606 - the caller names the program, no shell is wanted


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="launcher")
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", type=int, default=int(signal.SIGKILL))
    parser.add_argument("--namespace", type=_user_and_group)
    parser.add_argument("--user", type=_user_and_group)
    parser.add_argument("--watch", action="store_true")
    parser.add_argument("program", nargs="+")
    return parser.parse_args(arguments)


def _user_and_group(text: str) -> tuple[int, int]:
    user, _, group = text.partition(":")
    return int(user), int(group)


def _enter_namespace(user: int, group: int) -> None:
    outer_user, outer_group = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {outer_user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {outer_group} 1", encoding="ascii")


def _become(user: int, group: int) -> None:
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


def _guard(program: list[str], death_signal: int) -> int:
    child = subprocess.Popen(program, stdin=subprocess.DEVNULL)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: child.send_signal(received))
    while child.poll() is None:
        readable, _, _ = select.select([sys.stdin], [], [], 0.1)
        if readable and not os.read(sys.stdin.fileno(), 1024):
            return _end(child, death_signal)
    return child.returncode


def _end(child: "subprocess.Popen[bytes]", death_signal: int) -> int:
    child.send_signal(death_signal)
    try:
        return child.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
