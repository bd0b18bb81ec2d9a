"""The process that applies events to read models, effect and checkpoint in one transaction."""

__all__: list[str] = []
