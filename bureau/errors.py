"""What a command ends with, and the exit codes that scripts can rely on.

CommandFailedError   1   it could not be done, or the answer is "no" (lagging, unhealthy, not equal)
WrongSettingError    2   a setting is missing or wrong, and starting again cannot help (wrong usage too)
EmbeddedServerError  3   this machine lacks something: a free port, a directory, a program
StopRequestedError 130   stopped by Ctrl-C before it was done (143: by SIGTERM)
"""

from enum import IntEnum

__all__ = ["CommandFailedError", "ExitCode", "WrongSettingError"]


class ExitCode(IntEnum):
    """The exit codes of `bureau`; a stop on request adds the signal's number to 128."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    MACHINE = 3


class CommandFailedError(Exception):
    """The command could not be done; the message is one line that says why and what helps."""


class WrongSettingError(CommandFailedError):
    """An environment variable is missing or wrong; the message is one line that names it."""
