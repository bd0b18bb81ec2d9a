"""The commit-msg hook lets Conventional Commits through and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT


def check_message(message: str, folder: Path) -> int:
    path = folder / "message"
    path.write_text(message, encoding="utf-8")
    program = ROOT / "scripts" / "check_commit_message.py"
    return subprocess.run([sys.executable, str(program), str(path)], check=False, capture_output=True).returncode


@pytest.mark.parametrize(
    "message",
    [
        "feat(relay): refill a stream that lost its tail",
        "fix(command_api, domain)!: refuse a stale lease",
        "docs: say how a worker starts\n\nIn plain curl.",
        "# a comment of git\nchore: renew the lock",
        "Merge branch 'main'",
    ],
)
def test_a_conventional_message_is_accepted(message: str, tmp_path: Path) -> None:
    assert check_message(message, tmp_path) == 0


@pytest.mark.parametrize("message", ["", "Fixed stuff", "feat:no space", "wip: try", "feat(relay): " + "x" * 100])
def test_another_message_is_refused(message: str, tmp_path: Path) -> None:
    assert check_message(message, tmp_path) == 1
