"""The built-in themes: loads the templates and the assets of one by its name, and nothing that is not package data.

It knows neither pages nor template engines. A theme is a folder here that holds `theme.toml`, `templates/` and
`assets/`; its digest changes when, and only when, a template or an asset does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType

from pubsite.errors import Invalid


@dataclass(frozen=True, slots=True)
class Theme:
    """Templates by name ("page.html"), assets by logical name ("paper.css") as bytes, and one digest of both."""

    name: str
    templates: Mapping[str, str]
    assets: Mapping[str, bytes]
    digest: str


@cache
def load_theme(name: str) -> Theme:
    """The theme of that name, loaded once a process. Raises `Invalid` when there is none."""
    if name not in theme_names():
        raise Invalid.field("theme", f"Unknown theme {name!r}; there is: {', '.join(theme_names())}")
    folder = resources.files(__name__) / name
    templates = dict(_files(folder / "templates"))
    assets = dict(_files(folder / "assets"))
    return Theme(
        name=name,
        templates=MappingProxyType({key: body.decode() for key, body in templates.items()}),
        assets=MappingProxyType(assets),
        digest=_digest(templates, assets),
    )


@cache
def theme_names() -> tuple[str, ...]:
    """The names that `load_theme` takes, sorted."""
    folders = (entry for entry in resources.files(__name__).iterdir() if entry.is_dir())
    return tuple(sorted(entry.name for entry in folders if (entry / "theme.toml").is_file()))


def _files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """Every file below the folder as (name with "/", bytes), sorted; hidden files are an editor's, not a theme's."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_bytes()


def _digest(*parts: Mapping[str, bytes]) -> str:
    """Names and bodies go in with their lengths, so that no two themes write the same stream."""
    state = hashlib.sha256()
    for part in parts:
        state.update(b"%d;" % len(part))
        for name, body in part.items():
            encoded = name.encode()
            state.update(b"%d,%d;" % (len(encoded), len(body)))
            state.update(encoded)
            state.update(body)
    return state.hexdigest()
