"""Rules of the code base that no linter knows, each with a proof that it can fail."""

__all__: list[str] = []
