"""A version of a site as one archive, bit for bit the same every time."""

from __future__ import annotations

from typing import IO, Literal

from pubsite.models import Bundle
from pubsite.storage import Manifest, ObjectStore
from pubsite.storage.export import ExportReport, write_archive

Format = Literal["tar.gz", "zip"]


def write(objects: ObjectStore, bundle: Bundle, file: IO[bytes], *, format: Format, origin: str) -> ExportReport:
    """Write the bundle to `file`; `origin` (no slash at its end) stands where absolute URLs are needed."""
    return write_archive(objects, Manifest(objects, bundle.digest), file, format=format, origin=origin)
