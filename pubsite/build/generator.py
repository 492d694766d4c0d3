"""What built a bundle: a digest of the sources of build, storage and themes, and the versions of what they render with.

A bundle of another generator may differ for the same content, so that "nothing changed" can be known only by building.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable

LIBRARIES = ("markdown", "minijinja", "nh3", "pygments", "rcssmin")


@cache
def generator() -> str:
    """`pubsite-<12 hex>`: other sources or versions, other generator."""
    digest = hashlib.sha256()
    for package in ("pubsite.build", "pubsite.storage", "pubsite.themes"):
        _add(digest, files(package))
    for library in LIBRARIES:
        digest.update(f"{library} {version(library)}\0".encode())
    return f"pubsite-{digest.hexdigest()[:12]}"


def _add(digest: hashlib._Hash, folder: Traversable) -> None:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            if entry.name != "__pycache__":
                _add(digest, entry)
        else:
            digest.update(entry.name.encode() + b"\0" + hashlib.sha256(entry.read_bytes()).digest())
