"""From bytes to lines: any line ending, any encoding, and never more than one piece of a line in memory."""

import io
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["LONGEST_LINE_BYTES", "read_lines"]

LONGEST_LINE_BYTES = 64 * 1024
"""What is longer is cut off: enough for every log line that says something."""

_UTF_8_MARK = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_lines(stream: BinaryIO) -> Iterator[str]:
    """Yield the lines without their endings, blank ones too; the stream must be seekable.

    UTF-8 is expected line by line, and what is not UTF-8 is read as Windows-1252, so files that mix the two stay
    readable. A file that begins with the mark of UTF-16 is read as that.
    """
    start = stream.read(3)
    stream.seek(len(_UTF_8_MARK) if start == _UTF_8_MARK else 0)
    if start[:2] in _UTF_16_MARKS:
        stream = io.BytesIO(io.TextIOWrapper(stream, encoding="utf-16", errors="replace").read().encode())
    while line := stream.readline(LONGEST_LINE_BYTES):
        piece = line
        while not piece.endswith(b"\n") and (piece := stream.readline(LONGEST_LINE_BYTES)):
            pass
        yield _decode(line.rstrip(b"\r\n")).replace("\x00", "\ufffd")


def _decode(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")
