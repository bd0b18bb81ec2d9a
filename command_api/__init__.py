"""The write side's process: commands over HTTP, decided and saved with their events in one transaction."""

__all__: list[str] = []
