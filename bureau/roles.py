"""The processes of the service by name."""

from enum import StrEnum

__all__ = ["Role"]


class Role(StrEnum):
    """What one process does."""

    API = "api"
    COMMAND_API = "command-api"
    QUERY_API = "query-api"
    RELAY = "relay"
    PROJECTORS = "projectors"
