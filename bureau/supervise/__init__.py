"""Runs the processes of the system on one machine: starts, restarts, passes their logs on, and leaves no orphan."""

from bureau.supervise.lines import console_lines, json_lines
from bureau.supervise.stop_signals import StopRequestedError, raising_on_stop_signals
from bureau.supervise.supervisor import ProcessState, Supervisor, open_supervisor
from bureau.supervise.unit import Unit, program_unit

__all__ = [
    "ProcessState",
    "StopRequestedError",
    "Supervisor",
    "Unit",
    "console_lines",
    "json_lines",
    "open_supervisor",
    "program_unit",
    "raising_on_stop_signals",
]
