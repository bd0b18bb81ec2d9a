"""The read side's process: answers queries from read models, through the cache."""

__all__: list[str] = []
