"""How long the relay waits between passes. Pure.

Idle it polls every 200 ms; after work every 5 ms, then ever more slowly. A wake-up ends a wait, so the poll is only
for wake-ups that were lost. Under load it lingers, so that one round trip carries many events.
"""

from typing import Final, NamedTuple

from outbox_relay.records import RelayPass

__all__ = ["Pause", "after_failure", "after_pass"]

_BUSY_SECONDS: Final = 0.005
_IDLE_SECONDS: Final = 0.2
_LINGER_SECONDS_AN_EVENT: Final = 0.0005
_LONGEST_LINGER_SECONDS: Final = 0.02
"""A single event hardly waits; at 1,500 a second a pass carries 18 and not 8, and with it the readers' deliveries."""
_FIRST_RETRY_SECONDS: Final = 0.05
_LONGEST_RETRY_SECONDS: Final = 1.0


class Pause(NamedTuple):
    """Seconds to sleep whatever happens, then seconds to wait for a wake-up."""

    linger: float = 0.0
    wait: float = 0.0


def after_pass(previous: Pause, relayed: RelayPass) -> Pause:
    """Return the pause after a pass that went through."""
    if relayed.is_behind:
        return Pause()
    if relayed.events:
        return Pause(min(_LINGER_SECONDS_AN_EVENT * relayed.events, _LONGEST_LINGER_SECONDS), _BUSY_SECONDS)
    return Pause(0.0, min(max(previous.wait * 2, _BUSY_SECONDS), _IDLE_SECONDS))


def after_failure(previous: Pause) -> Pause:
    """Return the pause after the given one when a server was out of reach: doubling, bounded, not ended by wake-ups."""
    return Pause(min(max(previous.linger * 2, _FIRST_RETRY_SECONDS), _LONGEST_RETRY_SECONDS), 0.0)
