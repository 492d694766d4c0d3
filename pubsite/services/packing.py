"""A site's tree as one archive, bit for bit the same for the same tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO, Protocol

from pubsite.services.trees import Content
from pubsite.storage.packing import ArchiveFormat, write_files


class Objects(Protocol):
    """What packing needs of the object store."""

    def get(self, digest: str) -> bytes: ...


def write(objects: Objects, tree: Mapping[str, Content | None], file: IO[bytes], *, format: ArchiveFormat) -> None:
    """Write the tree (see `trees.contents`) to `file`, its directories too."""
    write_files(_entries(objects, tree), file, format=format)


def _entries(objects: Objects, tree: Mapping[str, Content | None]) -> Iterator[tuple[str, bytes | None]]:
    for path in sorted(tree, key=lambda path: path.split("/")):
        content = tree[path]
        yield path, None if content is None else objects.get(content.digest)
