"""The SVG artifact: lines over time, stacked by level or status class. Pure, and without any library.

Colours differ in lightness as well as in hue; text and grid follow the reader's light or dark scheme.
"""

import math
from collections.abc import Iterator, Sequence
from html import escape

from examples.log_analyst.summary import Bucket, Summary

__all__ = ["draw_chart"]

_WIDTH, _HEIGHT = 860, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 20, 72, 56
_PLOT_WIDTH, _PLOT_HEIGHT = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
_FLOOR = _TOP + _PLOT_HEIGHT
_MINUTE, _DAY = 60, 86_400
_CATEGORIES = (
    "1xx", "2xx", "3xx", "debug", "info", "other", "4xx", "warning", "5xx", "error", "critical"
)  # fmt: skip
"""From the bottom of a bar to its top: what matters most stands out at the upper end."""

_LIGHT = """
  .surface { fill: #ffffff } .text { fill: #1f2937 } .quiet { fill: #5b6472 }
  .grid { stroke: #e3e6ea } .axis { stroke: #8b94a1 }
  .c-1xx, .c-debug { fill: #b4bcc8 } .c-2xx, .c-info { fill: #2f7ed8 } .c-3xx { fill: #79b8f0 }
  .c-other { fill: #8b94a1 } .c-4xx, .c-warning { fill: #e8a317 } .c-5xx, .c-error { fill: #cf2f2f }
  .c-critical { fill: #7a1fa2 }"""
_DARK = """
  .surface { fill: #14181f } .text { fill: #e7eaee } .quiet { fill: #a5aebb }
  .grid { stroke: #2a313b } .axis { stroke: #6b7482 }
  .c-1xx, .c-debug { fill: #667080 } .c-2xx, .c-info { fill: #4b96e6 } .c-3xx { fill: #9dcbf5 }
  .c-other { fill: #8b94a1 } .c-4xx, .c-warning { fill: #f0b73a } .c-5xx, .c-error { fill: #ef5350 }
  .c-critical { fill: #c77ddb }"""
_STYLE = f"""{_LIGHT}
  text {{ font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 12px }}
  .title {{ font-size: 15px; font-weight: 600 }}
  @media (prefers-color-scheme: dark) {{{_DARK}
  }}"""


def draw_chart(summary: Summary, title: str = "Log") -> str:
    """Return a complete SVG document, 860 by 340; without times it says so."""
    noun = "requests" if summary.statuses and not summary.levels else "lines"
    heading = f"{title}: {noun} over time"
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{_escape(heading)}">',
        f"<style>{_STYLE}\n</style>",
        f'<rect class="surface" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>',
        _text((16, 28), _shorten(heading, 90), "text title"),
        *(_draw_plot(summary.buckets, noun) if summary.buckets else _draw_nothing(summary)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _draw_nothing(summary: Summary) -> Iterator[str]:
    words = "no line has a time" if summary.parsed else "nothing to show"
    yield _text((_WIDTH / 2, _HEIGHT / 2), words, "quiet", "middle")


def _draw_plot(buckets: Sequence[Bucket], noun: str) -> Iterator[str]:
    seconds = buckets[0].seconds
    unit, unit_seconds = ("second", 1) if seconds < _MINUTE else ("minute", _MINUTE)
    factor = unit_seconds / seconds
    ceiling, ticks = _find_ticks(max(sum(bucket.counts.values()) for bucket in buckets) * factor)
    categories = [name for name in _CATEGORIES if any(bucket.counts.get(name) for bucket in buckets)]
    yield from _draw_legend(categories, buckets)
    for tick in ticks:
        height = _TOP + _PLOT_HEIGHT * (1 - tick / ceiling)
        yield _line("grid", (_LEFT, height), (_WIDTH - _RIGHT, height))
        yield _text((_LEFT - 8, height + 4), f"{tick:,g}", "quiet", "end")
    yield from _draw_bars(buckets, categories, factor / ceiling)
    yield _line("axis", (_LEFT, _FLOOR), (_WIDTH - _RIGHT, _FLOOR))
    yield from _draw_times(buckets)
    turn = f'transform="translate(18 {_TOP + _PLOT_HEIGHT / 2:g}) rotate(-90)"'
    yield f'<text class="quiet" text-anchor="middle" {turn}>{noun} per {unit}</text>'
    caption = f"time (UTC), {_describe_width(seconds)} a bar"
    yield _text((_LEFT + _PLOT_WIDTH / 2, _HEIGHT - 10), caption, "quiet", "middle")


def _draw_legend(categories: Sequence[str], buckets: Sequence[Bucket]) -> Iterator[str]:
    across = float(_LEFT)
    for name in categories:
        label = f"{name} {sum(bucket.counts.get(name, 0) for bucket in buckets):,}"
        yield f'<rect class="c-{name}" x="{across:g}" y="43" width="11" height="11" rx="2"/>'
        yield _text((across + 16, 53), label, "text")
        across += 16 + 7.4 * len(label) + 18


def _draw_bars(buckets: Sequence[Bucket], categories: Sequence[str], scale: float) -> Iterator[str]:
    step = _PLOT_WIDTH / len(buckets)
    width = max(1.0, min(step * 0.86, 48.0))
    for number, bucket in enumerate(buckets):
        across = _LEFT + step * number + (step - width) / 2
        base = float(_FLOOR)
        counts = {name: bucket.counts[name] for name in categories if bucket.counts.get(name)}
        if not counts:
            continue
        described = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        yield f"<g><title>{bucket.start:%Y-%m-%d %H:%M:%S}: {described}</title>"
        for name, count in counts.items():
            height = max(count * scale * _PLOT_HEIGHT, 0.5)
            base -= height
            yield f'<rect class="c-{name}" x="{across:.2f}" y="{base:.2f}" width="{width:.2f}" height="{height:.2f}"/>'
        yield "</g>"


def _draw_times(buckets: Sequence[Bucket]) -> Iterator[str]:
    step = _PLOT_WIDTH / len(buckets)
    pattern = _time_pattern(buckets)
    every = max(1, math.ceil(len(buckets) / 8))
    for number in range(0, len(buckets), every):
        across = _LEFT + step * (number + 0.5)
        yield _line("axis", (across, _FLOOR), (across, _FLOOR + 4))
        yield _text((across, _FLOOR + 18), f"{buckets[number].start:{pattern}}", "quiet", "middle")


def _time_pattern(buckets: Sequence[Bucket]) -> str:
    if buckets[0].seconds >= _DAY:
        return "%Y-%m-%d"
    if buckets[0].start.date() != buckets[-1].start.date():
        return "%d %b %H:%M"
    return "%H:%M" if buckets[0].seconds >= _MINUTE else "%H:%M:%S"


def _find_ticks(largest: float) -> tuple[float, list[float]]:
    """Return the top of the axis and round ticks from 0 to it, four to six of them."""
    rough = max(largest, 1e-9) / 4
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(size * magnitude for size in (1, 2, 5, 10) if size * magnitude >= rough)
    count = max(1, math.ceil(largest / step - 1e-9))
    return step * count, [round(step * number, 10) for number in range(count + 1)]


def _describe_width(seconds: int) -> str:
    for size, noun in ((_DAY, "day"), (3_600, "hour"), (_MINUTE, "minute")):
        if seconds % size == 0:
            return f"{seconds // size} {noun}{'' if seconds == size else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def _line(style: str, start: tuple[float, float], end: tuple[float, float]) -> str:
    return f'<line class="{style}" x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"/>'


def _text(place: tuple[float, float], content: str, style: str, anchor: str = "start") -> str:
    where = f'x="{place[0]:.1f}" y="{place[1]:.1f}"'
    return f'<text class="{style}" {where} text-anchor="{anchor}">{_escape(content)}</text>'


def _escape(text: str) -> str:
    """Return text that XML can hold: control characters are no part of it."""
    return escape("".join(character if character.isprintable() else "\ufffd" for character in text))


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
