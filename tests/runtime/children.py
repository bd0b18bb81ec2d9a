"""Small programs that tests run as real processes, and what can be asked about processes from outside."""

import os
from pathlib import Path

__all__ = ["OBEDIENT", "STUBBORN", "TALKATIVE", "is_running", "processes_mentioning"]

TALKATIVE = "import time; print('ready', flush=True)\nwhile True: time.sleep(0.1)"
OBEDIENT = f"""
import signal
def stop(number, frame):
    print('asked', flush=True)
    raise SystemExit
signal.signal(signal.SIGTERM, stop)
{TALKATIVE}
"""
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, lambda *_: print('asked', flush=True))\n{TALKATIVE}"


def is_running(process_id: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        os.kill(process_id, 0)
        state = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in {"Z", "X"}


def processes_mentioning(text: str) -> list[int]:
    """Return every process that has the text in its command line or working directory, but this one."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and int(entry.name) != os.getpid() and _mentions(entry, text)
    ]


def _mentions(entry: Path, text: str) -> bool:
    try:
        words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
    except OSError:
        return False
    return text.encode() in words and is_running(int(entry.name))
