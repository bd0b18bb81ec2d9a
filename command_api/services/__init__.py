"""The write side: handle_command and what it needs."""

__all__: list[str] = []
