"""How long the relay waits between passes. Pure.

Idle it polls every 200 ms; after work every 5 ms, then ever more slowly. A wake-up ends a wait, so the poll is only
for wake-ups that were lost. Under load it lingers, so that one round trip carries many events.
"""

from typing import Final, NamedTuple

from infrastructure.merging import average_of, rest_after
from outbox_relay.records import RelayPass

__all__ = ["Pause", "after_failure", "after_pass"]

_BUSY_SECONDS: Final = 0.005
_IDLE_SECONDS: Final = 0.2
_FIRST_LINGER_SECONDS: Final = 0.00005
_LONGEST_LINGER_SECONDS: Final = 0.02
"""At 300 events a second nobody waits; at 1,300 a pass carries 30, and with it the readers' deliveries."""
_FIRST_RETRY_SECONDS: Final = 0.05
_LONGEST_RETRY_SECONDS: Final = 1.0


class Pause(NamedTuple):
    """Seconds to sleep whatever happens, then seconds to wait for a wake-up; `carried`: events a pass, on average."""

    linger: float = 0.0
    wait: float = 0.0
    carried: float = 0.0


def after_pass(previous: Pause, relayed: RelayPass) -> Pause:
    """Return the pause after a pass that went through."""
    if relayed.is_behind:
        return Pause(carried=previous.carried)
    if not relayed.events:
        return Pause(0.0, min(max(previous.wait * 2, _BUSY_SECONDS), _IDLE_SECONDS), previous.carried)
    carried = average_of(previous.carried, relayed.events)
    linger = rest_after(carried, first_seconds=_FIRST_LINGER_SECONDS, longest_seconds=_LONGEST_LINGER_SECONDS)
    return Pause(linger, _BUSY_SECONDS, carried)


def after_failure(previous: Pause) -> Pause:
    """Return the pause after the given one when a server was out of reach: doubling, bounded, not ended by wake-ups."""
    return Pause(min(max(previous.linger * 2, _FIRST_RETRY_SECONDS), _LONGEST_RETRY_SECONDS), 0.0)
