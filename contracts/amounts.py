"""Amounts of money as they are said: decimal numbers without an exponent, which every reader takes."""

from decimal import Decimal
from typing import Annotated

from pydantic import PlainSerializer

__all__ = ["Amount", "plain_amount"]


def plain_amount(amount: Decimal) -> str:
    """Return an amount with all of its digits: 0.000000001 and 250, where Python says 1E-9 and 2.5E+2."""
    return format(amount, "f")


# No `type` statement: that would be a definition of its own in every schema.
Amount = Annotated[Decimal, PlainSerializer(plain_amount, return_type=str, when_used="json")]
