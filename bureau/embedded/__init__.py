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
from bureau.embedded.ports import find_free_port, find_listening_error, is_port_free
from bureau.embedded.postgres import (
    POSTGRES_STOP,
    PostgresConfig,
    PostgresServer,
    kill_postgres,
    postgres_address,
    start_postgres,
    stop_postgres,
)
from bureau.embedded.valkey import (
    VALKEY_STOP,
    ValkeyConfig,
    ValkeyServer,
    kill_valkey,
    start_valkey,
    stop_valkey,
    valkey_address,
)

__all__ = [
    "POSTGRES_STOP",
    "VALKEY_STOP",
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
    "find_listening_error",
    "is_port_free",
    "kill_postgres",
    "kill_valkey",
    "postgres_address",
    "start_postgres",
    "start_valkey",
    "stop_postgres",
    "stop_valkey",
    "valkey_address",
]
