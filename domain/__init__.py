"""What is decided: pure rules, one folder an aggregate, one file a command. No clock, no randomness, no I/O."""

__all__: list[str] = []
