"""A theme's assets as they are published: minified, under names that tell their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import rcssmin

from pubsite.errors import BuildFailed, Invalid, Problem
from pubsite.themes import Theme, load_theme

_FOLDER = "/_assets/"


@dataclass(frozen=True, slots=True)
class ThemeAsset:
    """`name` as templates know it (`paper.css`), `file` as it is published (`/_assets/paper.0a1b2c3d4e5f.css`)."""

    name: str
    file: str
    body: bytes


def theme_of(name: str) -> Theme:
    """The theme of that name; raises BuildFailed when there is none."""
    try:
        return load_theme(name)
    except Invalid as error:
        raise BuildFailed(error.message, [Problem("error", "config.theme", "unknown_theme", error.message)]) from error


@lru_cache(maxsize=16)
def theme_assets(name: str, *, minify: bool, fingerprint: bool) -> tuple[ThemeAsset, ...]:
    """The assets of a built-in theme, sorted by name."""
    assets = load_theme(name).assets
    return tuple(_publish(path, assets[path], minify, fingerprint) for path in sorted(assets))


def _publish(name: str, body: bytes, minify: bool, fingerprint: bool) -> ThemeAsset:
    if minify and name.endswith(".css"):
        body = rcssmin.cssmin(body)
    stem, dot, extension = name.rpartition(".")
    mark = f".{hashlib.sha256(body).hexdigest()[:12]}" if fingerprint else ""
    return ThemeAsset(name, f"{_FOLDER}{stem or name}{mark}{dot}{extension if stem else ''}", body)
