"""The result of an analysis as data: the JSON artifact, and what report and chart are made from."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

__all__ = ["Bucket", "BusyMinute", "PathTiming", "Summary", "Trouble", "Unparsable"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Unparsable(_Record):
    """Lines that are not of the log's format; `samples` holds the first few, cut to 200 characters."""

    count: int
    samples: tuple[str, ...]


class BusyMinute(_Record):
    """A minute (UTC) and how much it saw."""

    minute: datetime
    count: int
    errors: int


class Trouble(_Record):
    """Errors that are the same once numbers and ids are folded; `example` is the first as it stood."""

    text: str
    count: int
    example: str
    first_at: datetime | None
    last_at: datetime | None


class PathTiming(_Record):
    """How long a path took, in milliseconds."""

    path: str
    count: int
    p50_ms: float
    p95_ms: float
    max_ms: float


class Bucket(_Record):
    """A stretch of time (`seconds` long) and its lines by category, a bar of the chart."""

    start: datetime
    seconds: int
    counts: dict[str, int]


class Summary(_Record):
    """What a log says. `lines` = parsed + continuation + unparsable + blank; times are in UTC."""

    log_format: str
    lines: int
    parsed: int
    continuation: int
    blank: int
    unparsable: Unparsable
    first_at: datetime | None
    last_at: datetime | None
    span_seconds: float
    is_zone_assumed: bool
    errors: int
    levels: dict[str, int]
    statuses: dict[str, int]
    busiest_minutes: tuple[BusyMinute, ...]
    top_errors: tuple[Trouble, ...]
    top_paths: dict[str, int]
    slowest_paths: tuple[PathTiming, ...]
    buckets: tuple[Bucket, ...]
