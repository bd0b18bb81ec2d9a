"""Folding what differs from line to line, so that the same trouble counts as one. Pure."""

import re

__all__ = ["normalise_message", "normalise_path"]

_LONGEST_MESSAGE = 200
_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_FOLDS = (
    (re.compile(r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?"), "<time>"),
    (re.compile(rf"\b{_UUID}\b"), "<id>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<hex>"),
    (re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"), "<email>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<ip>"),
    (re.compile(r"\b(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}\b"), "<hex>"),
    (re.compile(r"(?<![\w<])[+-]?\d+(?:[.,]\d+)*(?=$|\W|(?:ms|s|kB|MB|GB|%|B)\b)"), "<n>"),
    (re.compile(r"(?<=[A-Za-z_-])\d+\b"), "<n>"),
    (re.compile(r"\s+"), " "),
)
_SEGMENT_ID = re.compile(rf"\d+|{_UUID}|(?=[^/]*\d)[0-9a-fA-F]{{8,}}|(?=[^/]*\d)(?=[^/]*[A-Za-z])[\w~-]{{20,}}")


def normalise_message(message: str) -> str:
    """Return the message with times, ids, addresses and numbers folded, one line, 200 characters at most."""
    folded = message[: _LONGEST_MESSAGE * 4].strip()
    for pattern, replacement in _FOLDS:
        folded = pattern.sub(replacement, folded)
    return folded if len(folded) <= _LONGEST_MESSAGE else folded[: _LONGEST_MESSAGE - 1] + "…"


def normalise_path(path: str) -> str:
    """Return the path without host and query, and with ids as `{id}`."""
    without_host = re.sub(r"^https?://[^/?#]*", "", path)
    plain = re.split(r"[?#]", without_host, maxsplit=1)[0][: _LONGEST_MESSAGE * 4]
    segments = ["{id}" if _SEGMENT_ID.fullmatch(segment) else segment for segment in plain.split("/")]
    return "/".join(segments)[:_LONGEST_MESSAGE] or "/"
