"""A folder → the pages and assets that an import sends. Pure: reads the folder, calls nobody.

Nothing is dropped silently: every file below the folder is a page, an asset, hidden, or named in the problems.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pubsite.cli.front_matter import split
from pubsite.cli.headings import html_title, markdown_title
from pubsite.cli.page_config import page_config
from pubsite.cli.page_paths import TakenPaths, alias_path, folder_indexes, path_of
from pubsite.cli.tree import LARGEST_FILE, TreeFile, read_tree, without_collisions
from pubsite.errors import Problem

MARKDOWN = (".md", ".markdown", ".mdown", ".mkd")
HTML = (".html", ".htm")
NOT_RENDERED = (".rst", ".mdx", ".adoc", ".asciidoc", ".org", ".textile", ".ipynb")
CONFIG_LIMIT = 1_048_576
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True)
class PageDraft:
    """A page as it will be sent; `source` is its file's path in the tree, and stands in the config too."""

    path: str
    source: str
    config: dict[str, Any]

    @property
    def size(self) -> int:
        """Bytes of the config as JSON."""
        return len(json.dumps(self.config, ensure_ascii=False).encode())


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """pages and assets sorted by source; left_out: the sources that are named in problems and not sent."""

    pages: tuple[PageDraft, ...]
    assets: tuple[TreeFile, ...]
    problems: tuple[Problem, ...]
    hidden: tuple[str, ...]

    @property
    def left_out(self) -> frozenset[str]:
        return frozenset(problem.path for problem in self.problems if problem.severity == "error")


def plan_import(directory: Path, *, file_limit: int = LARGEST_FILE) -> ImportPlan:
    """What the folder holds; files over `file_limit` bytes are named as problems."""
    tree = read_tree(directory, file_limit=file_limit)
    reader = _Reader([file.path for file in tree.files if _is_page(file.path)])
    pages = [page for file in tree.files if _is_page(file.path) for page in reader.page(file)]
    assets, collisions = without_collisions([file for file in tree.files if not _is_page(file.path)])
    reader.name_unrendered(assets)
    problems = sorted(
        [*tree.problems, *collisions, *reader.problems], key=lambda problem: (problem.path, problem.message)
    )
    return ImportPlan(tuple(pages), assets, tuple(problems), tree.hidden)


def page_from_text(text: str, source: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The config of one Markdown or HTML text, and what was wrong with its front matter as (code, message)."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    head = split(text)
    wrong = [("front_matter", f"{head.problem}; the whole text was kept as content")] if head.problem else []
    config, values_wrong = page_config(head.values)
    wrong += [("front_matter_value", message) for message in values_wrong]
    html = source.lower().endswith(HTML)
    title = config.get("title") or (html_title if html else markdown_title)(head.content)
    config = {**config, "title": title} if title else {k: v for k, v in config.items() if k != "title"}
    return {**config, "format": "html" if html else "markdown", "content": head.content}, wrong


def decode(body: bytes) -> tuple[str, list[tuple[str, str]]]:
    """The text of a file, and what was wrong with its bytes as (code, message)."""
    encoding = "utf-8"
    for mark, name in _BOMS:
        if body.startswith(mark):
            body, encoding = body[len(mark) :], name
            break
    wrong = []
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        wrong.append(("encoding", f"line {line}: not {encoding.upper()}; unreadable bytes became \ufffd"))
        text = body.decode(encoding, "replace")
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        wrong.append(("encoding", f"line {line}: NUL characters became \ufffd"))
    return text.replace("\0", "\ufffd"), wrong


class _Reader:
    def __init__(self, sources: list[str]) -> None:
        self.indexes = folder_indexes(sources)
        self.taken = TakenPaths()
        self.problems: list[Problem] = []

    def page(self, file: TreeFile) -> Iterator[PageDraft]:
        """The page of a file; none when it cannot be read or is too large."""
        try:
            text, wrong = decode(file.read())
        except OSError as error:
            self._problem("error", file.path, "unreadable", f"cannot be read: {error.strerror}")
            return
        config, head_wrong = page_from_text(text, file.path)
        for code, message in wrong + head_wrong:
            self._problem("warn", file.path, code, message)
        page = self._placed(file.path, self._with_aliases(file.path, config))
        if page is None:
            return
        if page.size > CONFIG_LIMIT:
            message = f"{page.size:,} bytes with its front matter, over the limit of {CONFIG_LIMIT:,} bytes a page"
            self._problem("error", file.path, "too_large", message)
            return
        path, first = self.taken.take(page.path, file.path)
        if first:
            message = f"its path {page.path} is taken by {first}; this one became {path}"
            self._problem("warn", file.path, "collision", message)
            self._problem("warn", first, "collision", f"{file.path} has the same path {page.path}")
        yield replace(page, path=path)

    def _placed(self, source: str, config: dict[str, Any]) -> PageDraft | None:
        folder = source[: source.rfind("/") + 1]
        is_index = self.indexes.get(folder) == source
        url = next((str(config[key]) for key in ("url", "permalink") if config.get(key)), "")
        slug = str(config.get("slug") or "")
        if not is_index and source[len(folder) :].lower().startswith(("readme.", "index.", "_index.")):
            self._problem("warn", source, "second_index", f"{self.indexes[folder]} is the folder's page already")
        kept = {key: value for key, value in config.items() if key not in ("slug", "url", "permalink")}
        kept["source"] = source
        for wanted_slug, wanted_url in ((slug, url), ("", "")):
            try:
                return PageDraft(path_of(source, is_index=is_index, slug=wanted_slug, url=wanted_url), source, kept)
            except ValueError as error:
                self._problem("warn" if slug or url else "error", source, "bad_path", str(error))
            if not (slug or url):
                break
        return None

    def _with_aliases(self, source: str, config: dict[str, Any]) -> dict[str, Any]:
        if "aliases" not in config:
            return config
        aliases = []
        for alias in config["aliases"]:
            try:
                aliases.append(alias_path(alias, source))
            except ValueError as error:
                self._problem("warn", source, "bad_alias", f"{error}; the alias was left out")
        return {**config, "aliases": aliases}

    def name_unrendered(self, assets: tuple[TreeFile, ...]) -> None:
        for asset in assets:
            if asset.path.lower().endswith(NOT_RENDERED):
                self._problem("warn", asset.path, "not_rendered", "not rendered: published as a download")

    def _problem(self, severity: str, path: str, code: str, message: str) -> None:
        self.problems.append(Problem(severity, path, code, message))


def _is_page(path: str) -> bool:
    return path.lower().endswith(MARKDOWN + HTML)
