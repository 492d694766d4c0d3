"""A page's title when its front matter has none: the first heading outside code, or the `<title>` of a document."""

from __future__ import annotations

import re
from html import unescape

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r" {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*\Z")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*\Z")
_NO_TEXT = re.compile(r"\s*\Z|\s*(?:[-*+>|#]|\d+[.)])(?:\s|\Z)| {4}|\t")
_TITLE = (re.compile(r"<title[^>]*>([^<]{1,4096})", re.I), re.compile(r"<h1[^>]*>(.{1,4096}?)</h1", re.I | re.S))


def markdown_title(content: str) -> str:
    """The text of the first ATX or setext heading, without its markup, or ``."""
    fence, before = "", ""
    for line in content.split("\n"):
        opened = _FENCE.match(line)
        if fence:
            if opened and opened[1].startswith(fence) and not line.strip(" \t`~"):
                fence = ""
            before = ""
        elif opened:
            fence, before = opened[1], ""
        elif heading := _ATX.match(line):
            return _plain(heading[1])
        elif before and _UNDERLINE.match(line):
            return _plain(before)
        else:
            before = "" if _NO_TEXT.match(line) else line.strip()
    return ""


def html_title(content: str) -> str:
    """The document's title, else its first h1, or ``."""
    for pattern in _TITLE:
        if match := pattern.search(content):
            return _plain_html(match[1])
    return ""


def _plain(text: str) -> str:
    text = re.sub(r"\s*\{[^{}]*\}\s*\Z", "", text[:4096])  # {#id .class}
    text = re.sub(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])", r"\1", text)
    text = re.sub(r"(`+)(.+?)\1", r"\2", text)
    text = re.sub(r"(\*\*|__|~~)(?=\S)(.+?)(?<=\S)\1", r"\2", text)
    text = re.sub(r"(?<![\w*])([*_])(?=\S)([^*_]+?)(?<=\S)\1(?![\w*])", r"\2", text)
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", _plain_html(text))


def _plain_html(text: str) -> str:
    return " ".join(unescape(re.sub(r"</?[A-Za-z][^<>]*>", "", text)).split())[:4096]
