"""Measurements of the line, each as a ratio to a floor taken in the same run."""

__all__: list[str] = []
