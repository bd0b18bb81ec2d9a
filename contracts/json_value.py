"""Any JSON, taken as it is: whoever hands it over has parsed it, so it is not looked through once more.

pydantic's own type asks a Python function about every value in it: a tenth of a second for a body of a megabyte.
"""

from typing import Annotated

import pydantic
from pydantic import GetPydanticSchema
from pydantic_core.core_schema import any_schema

__all__ = ["JsonValue"]

type JsonValue = Annotated[pydantic.JsonValue, GetPydanticSchema(lambda _source, _handler: any_schema())]
"""Null, a boolean, a number, a text, a list or an object of them."""
