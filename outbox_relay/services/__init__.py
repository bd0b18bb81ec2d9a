"""The relay's services: the line's second step and what keeps it going."""

__all__: list[str] = []
