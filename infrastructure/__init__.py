"""How it is kept and carried: the only SQL, sockets, time and randomness of the system."""

__all__: list[str] = []
