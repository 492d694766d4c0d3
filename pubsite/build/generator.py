"""What built a bundle: a digest of this package's and the themes' sources.

A bundle of another generator may differ for the same content, so that "nothing changed" can be known only by building.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable


@cache
def generator() -> str:
    """`pubsite-<12 hex>`: other sources, other generator."""
    digest = hashlib.sha256()
    for package in ("pubsite.build", "pubsite.themes"):
        _add(digest, files(package))
    return f"pubsite-{digest.hexdigest()[:12]}"


def _add(digest: hashlib._Hash, folder: Traversable) -> None:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            if entry.name != "__pycache__":
                _add(digest, entry)
        else:
            digest.update(entry.name.encode() + b"\0" + hashlib.sha256(entry.read_bytes()).digest())
