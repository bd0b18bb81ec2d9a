"""What is said: envelope, events, views, A2A terms and the names of the streams. Pure data (pydantic and stdlib)."""

__all__: list[str] = []
