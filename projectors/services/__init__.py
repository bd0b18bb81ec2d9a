"""The service function of the apply step."""

from projectors.services.apply_projection import (
    Applied,
    ApplyDependencies,
    Failure,
    Held,
    apply_projection,
    explain,
    park_entry,
)
from projectors.services.replay import NOTHING_REPLAYED, Replayed, replay, step_over

__all__ = [
    "NOTHING_REPLAYED",
    "Applied",
    "ApplyDependencies",
    "Failure",
    "Held",
    "Replayed",
    "apply_projection",
    "explain",
    "park_entry",
    "replay",
    "step_over",
]
