"""The base of everything that is said: an immutable value that refuses fields it does not know."""

from pydantic import BaseModel, ConfigDict

__all__ = ["Record"]


class Record(BaseModel):
    """A frozen value; unknown fields are an error, so a misspelt one never passes silently."""

    model_config = ConfigDict(frozen=True, extra="forbid")
