"""One pure `project(view, event)` a read model. Never reads a clock, a socket or a table."""

__all__: list[str] = []
