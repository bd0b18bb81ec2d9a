"""Why a command is refused. The only exceptions that deciders raise; a refusal changes nothing.

Rejection
NotFound      what the command is about does not exist (in this workspace)
Conflict      it exists, but its state does not allow the command
Invalid       the command contradicts itself, or what was asked for
"""

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Conflict", "Forbidden", "Invalid", "NotFound", "Rejection", "RejectionDetail"]


class RejectionDetail(NamedTuple):
    """What is wrong in one place of the command."""

    path: str
    code: str
    message: str


class Rejection(Exception):  # noqa: N818 - a refusal is an answer, not an error of the program
    """A command refused: a stable code for machines, a sentence for people, and the places that are wrong."""

    def __init__(self, code: str, message: str, details: Sequence[RejectionDetail] = ()) -> None:
        """Keep what the client is told."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = tuple(details)


class NotFound(Rejection):
    """What the command is about does not exist."""


class Conflict(Rejection):
    """The state does not allow the command."""


class Forbidden(Rejection):
    """The sender may not do it."""


class Invalid(Rejection):
    """The command contradicts itself, or what was asked for."""
