"""The envelope of an event: CloudEvents 1.0.2, structured JSON, with Bureau's extension attributes.

Made once, when the event is written; its bytes are what the log keeps, the stream carries and consumers read.
Where it stands (epoch, shard, position) is not in it: that is the stream entry's id.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from contracts.json_value import JsonValue

__all__ = ["EVENT_SOURCE", "Envelope"]

EVENT_SOURCE = "bureau"


class Envelope(BaseModel):
    """CloudEvents attributes in lower case without separators, as the specification demands of their names.

    `partitionkey` is the root's id, by which the shard is chosen; `aggregateversion` is the aggregate's generation.
    Readers ignore attributes they don't know, so that a later version may add some.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: str = EVENT_SOURCE
    type: str
    subject: str
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    partitionkey: UUID
    workspaceid: str
    aggregateversion: int
    schemaversion: int
    correlationid: str
    causationid: str
    traceparent: str
    data: dict[str, JsonValue]

    @property
    def aggregate_kind(self) -> str:
        """The part of the subject before the slash: `agent`, `approval`, `budget` or `task`."""
        return self.subject.partition("/")[0]

    @property
    def aggregate_id(self) -> UUID:
        """The part of the subject after the slash."""
        return UUID(self.subject.partition("/")[2])
