"""The built-in themes as a build needs them: templates as text, assets under fingerprinted names, options."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import rcssmin

from pubsite.errors import BuildFailed, Problem

ASSETS_FOLDER = "/_assets/"


@dataclass(frozen=True, slots=True)
class ThemeAsset:
    """`name` as templates know it (`paper.css`), `file` as it is published (`/_assets/paper.0a1b2c3d4e5f.css`)."""

    name: str
    file: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Theme:
    """`digest` covers the templates; `options` are the defaults of `theme_options`."""

    name: str
    digest: str
    templates: Mapping[str, str]
    assets: tuple[ThemeAsset, ...]
    options: Mapping[str, Any]


@lru_cache(maxsize=16)
def load_theme(name: str, *, minify: bool, fingerprint: bool) -> Theme:
    """The built-in theme of that name; raises BuildFailed when there is none."""
    folder = files("pubsite.themes") / name
    if not name.replace("-", "").isalnum() or not (folder / "theme.toml").is_file():
        message = f"There is no theme {name!r}"
        raise BuildFailed(message, [Problem("error", "config.theme", "unknown_theme", message)])
    description = tomllib.loads((folder / "theme.toml").read_text("utf-8"))
    templates = {path: body.decode() for path, body in _walk(folder / "templates", "")}
    options = {key: value.get("default") for key, value in description.get("options", {}).items()}
    assets = (folder / "assets") if (folder / "assets").is_dir() else None
    return Theme(
        name=name,
        digest=hashlib.sha256(json.dumps(templates, sort_keys=True).encode()).hexdigest(),
        templates=templates,
        assets=tuple(_asset(path, body, minify, fingerprint) for path, body in (_walk(assets, "") if assets else ())),
        options={key: value for key, value in options.items() if value is not None},
    )


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_bytes()


def _asset(name: str, body: bytes, minify: bool, fingerprint: bool) -> ThemeAsset:
    if minify and name.endswith(".css"):
        body = rcssmin.cssmin(body)
    stem, _, extension = name.rpartition(".")
    mark = f".{hashlib.sha256(body).hexdigest()[:12]}" if fingerprint else ""
    return ThemeAsset(name, f"{ASSETS_FOLDER}{stem}{mark}.{extension}", body)
