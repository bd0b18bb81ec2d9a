"""The HTTP edge that all processes share: errors, ids, health, authentication, serving."""

__all__: list[str] = []
