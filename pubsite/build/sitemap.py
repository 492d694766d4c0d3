"""The sitemap (sitemaps.org 0.9) and robots.txt. No page's time of saving is in them: equal content, equal bytes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pubsite.build.nav import Node
from pubsite.build.plan import SITEMAP_URLS, sitemap_files
from pubsite.build.titles import date_of
from pubsite.build.xml import element

_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def sitemaps(path: str, nodes: tuple[Node, ...], origin: str) -> Iterator[tuple[str, bytes]]:
    """File path → content: one sitemap, or an index and its parts."""
    files = sitemap_files(path, len(nodes))
    if len(files) == 1:
        yield path, _urls(nodes, origin)
        return
    parts = "".join(f"<sitemap>{element('loc', origin + file).strip()}</sitemap>\n" for file in files[1:])
    yield path, f'{_HEAD}<sitemapindex xmlns="{_NAMESPACE}">\n{parts}</sitemapindex>\n'.encode()
    for part, file in enumerate(files[1:]):
        yield file, _urls(nodes[part * SITEMAP_URLS : (part + 1) * SITEMAP_URLS], origin)


def robots(text: str | None, sitemap: str, origin: str) -> bytes:
    """robots.txt: the site's own text, or leave for everybody and the sitemap's address."""
    if text is None:
        text = "User-agent: *\nAllow: /\n" + (f"\nSitemap: {origin}{sitemap}\n" if sitemap else "")
    return text.encode(errors="replace")


def _urls(nodes: tuple[Node, ...], origin: str) -> bytes:
    entries = sorted((node.url, _changed(node)) for node in nodes)
    lines = [
        f"<url>{element('loc', origin + url).strip()}"
        f"{element('lastmod', changed.date().isoformat()).strip() if changed else ''}</url>\n"
        for url, changed in entries
    ]
    return f'{_HEAD}<urlset xmlns="{_NAMESPACE}">\n{"".join(lines)}</urlset>\n'.encode()


def _changed(node: Node) -> datetime | None:
    return date_of(node.source.config.get("updated")) if node.source else None
