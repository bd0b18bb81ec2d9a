"""The service function of the apply step."""

from projectors.services.apply_projection import Applied, ApplyDependencies, Failure, apply_projection

__all__ = ["Applied", "ApplyDependencies", "Failure", "apply_projection"]
