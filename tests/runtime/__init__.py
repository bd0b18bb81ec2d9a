"""The local runtime: embedded servers, supervision, the command line, all as real processes."""

__all__: list[str] = []
