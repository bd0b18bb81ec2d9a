"""The kinds of values that bodies are made of. Names are normalised before they are checked."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from contracts.a2a import Message, Role
from contracts.agents import AgentName

__all__ = ["AgentMessage", "AgentReference", "Moment", "NormalisedName", "Reason", "Seconds", "UserMessage"]


def _normalised(value: Any) -> Any:  # noqa: ANN401 - whatever JSON held; the next validator judges it
    """Return a name without surrounding space and in lower case."""
    return value.strip().lower() if isinstance(value, str) else value


def _find_id(text: str) -> UUID | None:
    """Return the id that a text is in its usual form, or None: any other text may be a name."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None


def _unlike_an_id(name: str) -> str:
    """Refuse a name that would be read as an id wherever an agent is referred to."""
    if _find_id(name) is not None:
        error = "a name must not have the form of an id"
        raise ValueError(error)
    return name


def _id_or_name(value: Any, validate: ValidatorFunctionWrapHandler) -> UUID | str:  # noqa: ANN401 - see above
    """Return a reference as what it is; a union by itself would take every id for a name."""
    text = _normalised(value)
    try:
        reference: UUID | str = validate((_find_id(text) or text) if isinstance(text, str) else text)
    except ValidationError as error:
        raise PydanticCustomError("agent_reference", "an agent's id or its name") from error
    return reference


def _from_user(message: Message) -> Message:
    """Refuse a message that a client claims an agent said."""
    if message.role is not Role.USER:
        error = "a submitted message has the role user"
        raise ValueError(error)
    return message


def _from_agent(message: Message) -> Message:
    """Refuse a message that a worker claims a user said."""
    if message.role is not Role.AGENT:
        error = "a worker's message has the role agent"
        raise ValueError(error)
    return message


def _calendar(value: Any) -> Any:  # noqa: ANN401 - see above
    """Refuse what does not begin with a year, as text: a number would pass for seconds since 1970."""
    if not isinstance(value, str) or value[4:5] != "-":
        error = "a time is written as 2026-11-22T12:00:00Z"
        raise ValueError(error)
    return value


type Moment = Annotated[AwareDatetime, BeforeValidator(_calendar)]
type NormalisedName = Annotated[AgentName, BeforeValidator(_normalised), AfterValidator(_unlike_an_id)]
type AgentReference = Annotated[UUID | AgentName, WrapValidator(_id_or_name)]
"""An agent by its id, in the usual form with dashes, or by its name."""

type UserMessage = Annotated[Message, AfterValidator(_from_user)]
type AgentMessage = Annotated[Message, AfterValidator(_from_agent)]
type Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
type Seconds = Annotated[int, Field(ge=1, le=3600, strict=True)]
