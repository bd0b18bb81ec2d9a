"""Refuses a commit message whose first line does not follow Conventional Commits.

Used as a commit-msg hook: the one argument is the file that holds the message. Answers with exit code 0, or 1 and one
line that says what is expected. Merges, reverts and fix-ups that git itself words are let through.
"""

import re
import sys
from pathlib import Path

__all__ = ["is_conventional", "main"]

KINDS = ("build", "chore", "ci", "docs", "feat", "fix", "perf", "refactor", "revert", "style", "test")
CONVENTIONAL = re.compile(rf"(?:{'|'.join(KINDS)})(?:\([a-z0-9_/-]+(?:, ?[a-z0-9_/-]+)*\))?!?: \S.*")
WORDED_BY_GIT = re.compile(r"(?:Merge |Revert \"|fixup! |squash! |amend! )")
LONGEST_SUBJECT = 100


def is_conventional(subject: str) -> bool:
    """Tell whether a first line has the form `kind(scope): what changes`, within 100 characters."""
    if WORDED_BY_GIT.match(subject):
        return True
    return len(subject) <= LONGEST_SUBJECT and CONVENTIONAL.fullmatch(subject) is not None


def main(arguments: list[str]) -> int:
    """Read the message file that the arguments name and return the hook's exit code."""
    lines = Path(arguments[0]).read_text(encoding="utf-8").splitlines()
    subject = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    if is_conventional(subject):
        return 0
    print(f"commit message: expected `kind(scope): what changes`, kind one of {', '.join(KINDS)}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
