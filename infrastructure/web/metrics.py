"""/metrics of the processes that have figures: gauges, read anew at each request, in Prometheus' text format."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

from fastapi import APIRouter, Response

__all__ = ["Gauge", "ReadGauges", "Sample", "metrics_router", "render_gauges"]

_SECONDS: Final = 5.0
_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Sample(NamedTuple):
    """One value and what it is the value of."""

    labels: Mapping[str, str]
    value: int | float


class Gauge(NamedTuple):
    """A figure that goes up and down, one sample for each thing that has it; `text` says its unit."""

    name: str
    text: str
    samples: Sequence[Sample]


type ReadGauges = Callable[[], Awaitable[Sequence[Gauge]]]
"""Looks at the servers; what it raises makes the answer a 503."""


def render_gauges(gauges: Sequence[Gauge]) -> str:
    """Return the text that is scraped (https://prometheus.io/docs/instrumenting/exposition_formats/)."""
    lines: list[str] = []
    for gauge in gauges:
        lines += [f"# HELP {gauge.name} {gauge.text}", f"# TYPE {gauge.name} gauge"]
        lines += [f"{gauge.name}{_labels(sample.labels)} {sample.value}" for sample in gauge.samples]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def metrics_router(read_gauges: ReadGauges) -> APIRouter:
    """Return the route; 503 where the figures cannot be read, so that the scraper notices."""
    router = APIRouter(tags=["health"])

    @router.get("/metrics", summary="Figures for Prometheus")
    async def metrics() -> Response:
        """Answer every gauge as it is now."""
        try:
            async with asyncio.timeout(_SECONDS):
                text = render_gauges(await read_gauges())
        except Exception as error:  # noqa: BLE001 - whatever it is, there are no figures
            return Response(f"# {type(error).__name__}\n", status_code=503, media_type=_TYPE)
        return Response(text, media_type=_TYPE)

    return router
