"""What is decided: one folder an aggregate, one file a command. Pure rules without clock, randomness or I/O."""

__all__: list[str] = []
