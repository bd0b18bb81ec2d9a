"""Commands of agents, tasks and workers over HTTP."""

__all__: list[str] = []
