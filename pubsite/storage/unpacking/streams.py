"""Compressed streams in pieces of bounded size, whatever their ratio; whole ones only, and nothing behind their end."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from zstandard import ZstdDecompressor, ZstdError

from pubsite.storage.unpacking.entries import refuse

_PIECE = 262_144
# A zstd block of four bytes can stand for 128 KiB: so many bytes give at most 8 MiB.
_ZSTD_PIECE = 256
_ZSTD_WINDOW = 2**27  # what the zstd command takes without being asked
_GZIP = 31
_MOST_PARTS = 10_000
_MOST_PADDING = 1_048_576


def pieces(data: bytes) -> Iterator[bytes]:
    return (data[start : start + _PIECE] for start in range(0, len(data), _PIECE))


def gunzip(data: bytes) -> Iterator[bytes]:
    """The content of all gzip members; raises Invalid for a stream that is damaged, cut off or followed by others."""
    at = parts = 0
    while at < len(data):
        parts = _next_part(parts)
        engine = zlib.decompressobj(_GZIP)
        while not engine.eof:
            piece = engine.unconsumed_tail
            if not piece:
                piece = data[at : at + _PIECE]
                at += len(piece)
            try:
                out = engine.decompress(piece, _PIECE)
            except zlib.error as error:
                raise refuse("", "is damaged, or has other data behind its end") from error
            if out:
                yield out
            elif not piece:
                raise _cut_off()
        at -= len(engine.unused_data)


def unzstd(data: bytes) -> Iterator[bytes]:
    """The content of all zstd frames; raises Invalid as `gunzip` does."""
    decompressor = ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    at = parts = 0
    while at < len(data):
        parts = _next_part(parts)
        engine = decompressor.decompressobj()
        while not engine.eof:
            piece = data[at : at + _ZSTD_PIECE]
            at += len(piece)
            if not piece:
                raise _cut_off()
            try:
                out = engine.decompress(piece)
            except ZstdError as error:
                raise refuse("", "is damaged, has other data behind its end, or needs too much memory") from error
            if out:
                yield out
        at -= len(engine.unused_data)


class Reader:
    """Exact portions of a stream, which is read no further than they need."""

    def __init__(self, stream: Iterator[bytes]) -> None:
        self._stream = stream
        self._held = bytearray()

    def take(self, size: int) -> bytes:
        """The next `size` bytes; raises Invalid when there are fewer."""
        while len(self._held) < size:
            piece = next(self._stream, None)
            if piece is None:
                raise _cut_off()
            self._held += piece
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken

    def end(self) -> None:
        """Raise Invalid unless only padding is left: zeros, and not too many of them."""
        padding = 0
        while piece := bytes(self._held) or next(self._stream, b""):
            self._held.clear()
            padding += len(piece)
            if padding > _MOST_PADDING or piece.count(0) != len(piece):
                raise refuse("", "has other data behind its end")


def _next_part(parts: int) -> int:
    if parts == _MOST_PARTS:
        raise refuse("", f"is made of more than {_MOST_PARTS} parts")
    return parts + 1


def _cut_off() -> Exception:
    return refuse("", "is cut off")
