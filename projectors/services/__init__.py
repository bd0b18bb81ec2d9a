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

__all__ = ["Applied", "ApplyDependencies", "Failure", "Held", "apply_projection", "explain", "park_entry"]
