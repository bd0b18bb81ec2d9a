"""What each command of `bureau` does; imported when it runs, so that `bureau --help` stays quick."""

__all__: list[str] = []
