"""Whether the whole line says the same: log, streams, read models, write side and receipts, compared piece by piece."""

from bureau.verification.differences import Difference, Findings
from bureau.verification.scope import Advance, Report, Scope
from bureau.verification.verify import Processes, verify

__all__ = ["Advance", "Difference", "Findings", "Processes", "Report", "Scope", "verify"]
