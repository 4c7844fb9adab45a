"""Lines of a stream, however it is cut: a watch is one JSON object per line.

Written by hand since the HTTP library's own reader fails on lines above 128 KB, and a Secret with
its managed fields has more.
"""

from typing import Final

from certwright.base.problem import Cause, Retryable
from certwright.base.reason import Reason

LINE_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of one line; no object that etcd holds is as large."""


class LineSplitter:
    """Puts chunks together and takes lines apart."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._begun = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that `chunk` completes, without their ends; empty ones are left out.

        Raises:
            Retryable: a line is longer than any that makes sense.
        """
        *complete, rest = chunk.split(b"\n")
        lines: list[bytes] = []
        for end in complete:
            if self._begun:
                self._begun += end
                line = bytes(self._begun)
                self._begun.clear()
            else:
                line = end
            if line.strip():
                lines.append(line)
        self._begun += rest
        if len(self._begun) > self._limit:
            raise Retryable(
                Reason.SERVER_ERROR,
                f"a watch sent a line of more than {self._limit} bytes",
                cause=Cause.SERVER,
            )
        return lines
