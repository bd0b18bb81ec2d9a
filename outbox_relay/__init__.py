"""The process that carries the log to the streams: in order, each event once, payload untouched."""

__all__: list[str] = []
