"""The service on one machine: its directory, its servers, its processes."""

from bureau.local.directory import LocalDirectory, Runtime, hold_directory, read_runtime, write_runtime
from bureau.local.migration import DEFAULT_WORKSPACE, database_place, prepare_database
from bureau.local.reasons import reason_of
from bureau.local.service import ServicePlan, check_listening_port, start_service

__all__ = [
    "DEFAULT_WORKSPACE",
    "LocalDirectory",
    "Runtime",
    "ServicePlan",
    "check_listening_port",
    "database_place",
    "hold_directory",
    "prepare_database",
    "read_runtime",
    "reason_of",
    "start_service",
    "write_runtime",
]
