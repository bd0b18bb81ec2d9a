"""How processes that fold events have Python's garbage collected."""

import gc
from typing import Final

__all__ = ["collect_less"]

_ALLOCATIONS: Final = 10_000


def collect_less() -> None:
    """Have the garbage collector run less often and leave alone what lives as long as the process.

    Events and views make no cycles, and looking for some cost a third of the time of a batch: 38 -> 26 us an event.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 20, 20)
