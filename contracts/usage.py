"""What work cost: tokens, money, tool calls and time, as a worker reports them."""

import re
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, StringConstraints

from contracts.amounts import Amount
from contracts.record import Record

__all__ = ["Usage", "UsageTotal", "add_usage", "require_plain_amount"]

_AMOUNT: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?")

type Count = Annotated[int, Field(ge=0, le=10**15, strict=True)]


def require_plain_amount(value: object) -> object:
    """Refuse what Python takes for an amount and nobody else does: true, 1_000, digits of other scripts."""
    is_plain = not isinstance(value, bool) and (not isinstance(value, str) or _AMOUNT.fullmatch(value))
    if not is_plain:
        message = "an amount is written as 12.34"
        raise ValueError(message)
    return value


class Usage(Record):
    """An amount used; counts are since the previous report, never totals."""

    input_tokens: Count = 0
    output_tokens: Count = 0
    cached_input_tokens: Count = 0
    tool_calls: Count = 0
    duration_ms: Count = 0
    cost: Annotated[Amount, BeforeValidator(require_plain_amount), Field(ge=0, max_digits=18, decimal_places=9)] = (
        Decimal(0)
    )
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "USD"
    model: Annotated[str, StringConstraints(max_length=200)] | None = None


class UsageTotal(Record):
    """Usage added up over reports; cost stands by currency, for amounts of two currencies don't add."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    tool_calls: int = 0
    duration_ms: int = 0
    cost: dict[str, Amount] = Field(default_factory=dict)


def add_usage(total: UsageTotal, usage: Usage) -> UsageTotal:
    """Return the total with one more report in it."""
    cost = dict(total.cost)
    if usage.cost:
        cost[usage.currency] = cost.get(usage.currency, Decimal(0)) + usage.cost
    return UsageTotal(
        input_tokens=total.input_tokens + usage.input_tokens,
        output_tokens=total.output_tokens + usage.output_tokens,
        cached_input_tokens=total.cached_input_tokens + usage.cached_input_tokens,
        tool_calls=total.tool_calls + usage.tool_calls,
        duration_ms=total.duration_ms + usage.duration_ms,
        cost=cost,
    )
