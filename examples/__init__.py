"""Programs that use Bureau as anyone could: only through the client."""

__all__: list[str] = []
