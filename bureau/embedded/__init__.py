"""PostgreSQL and Valkey from their wheels as child processes: no installation, no container, no administrator.

Plain blocking functions over frozen records: `start_postgres(config) -> server`, `stop_postgres(server)`,
`kill_postgres(server)`, and the same for Valkey. A stopped or killed server starts again with `start_…(server.config)`:
same data, same port, same password.
"""

from bureau.embedded.errors import (
    BinariesMissingError,
    DataDirectoryDamagedError,
    DataDirectoryInUseError,
    EmbeddedServerError,
    PermissionRefusedError,
    PortTakenError,
    ServerFailedError,
)
from bureau.embedded.ports import find_free_port, is_port_free
from bureau.embedded.postgres import PostgresConfig, PostgresServer, kill_postgres, start_postgres, stop_postgres
from bureau.embedded.valkey import ValkeyConfig, ValkeyServer, kill_valkey, start_valkey, stop_valkey

__all__ = [
    "BinariesMissingError",
    "DataDirectoryDamagedError",
    "DataDirectoryInUseError",
    "EmbeddedServerError",
    "PermissionRefusedError",
    "PortTakenError",
    "PostgresConfig",
    "PostgresServer",
    "ServerFailedError",
    "ValkeyConfig",
    "ValkeyServer",
    "find_free_port",
    "is_port_free",
    "kill_postgres",
    "kill_valkey",
    "start_postgres",
    "start_valkey",
    "stop_postgres",
    "stop_valkey",
]
