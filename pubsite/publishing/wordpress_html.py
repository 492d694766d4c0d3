"""A page's HTML as WordPress keeps it unchanged: one Custom HTML block, in which our mark stands as a comment.

Within such a block nothing is wrapped in paragraphs, and the block editor leaves it whole. What WordPress would still
act upon is written otherwise, to the same effect: `[` begins a shortcode, a URL alone in its line becomes a player.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from dataclasses import dataclass

# Comments end where HTML's parser ends them (one that is never closed reaches to the end); then tags, and the text
# between. No alternative looks beyond the next `<` in vain, so that no input takes longer than its length.
_TOKEN = re.compile(
    r"""(?P<comment><!--(?:>|->|.*?(?:--!?>|\Z)))
      | (?P<raw><(?P<name>script|style|textarea|title|iframe|noscript|xmp)(?=[\s/>])(?:"[^"]*"|'[^']*'|[^'"<>])*>
          .*?(?=</(?P=name)[\s/>]|\Z))
      | (?P<tag></?[a-z](?:"[^"]*"|'[^']*'|[^'"<>])*>|<[!?][^>]*>)
      | (?P<text>[^<]+|<)""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_BARE_URL = re.compile(r"^([ \t]*https?):(?=//\S+[ \t]*$)", re.MULTILINE | re.IGNORECASE)
_UNFIT = re.compile(r"[\x00\ud800-\udfff]")
_MARK = re.compile(r"<!-- pubsite:([0-9a-z-]+):(new|publish|draft):([0-9a-f]*) -->")
_START, _END = "<!-- wp:html -->\n", "\n<!-- /wp:html -->"
_TAG_NAME = re.compile(r"<([a-z][a-z0-9-]*)", re.IGNORECASE)
NEW = "new"


@dataclass(frozen=True, slots=True)
class Mark:
    """Whose post it is, and of what. `wanted`: `publish`, `draft`, or `new` while it is only reserved."""

    marker: str
    wanted: str
    content_hash: str = ""


def prepared(source: str) -> str:
    """The body without comments (they could end the block) and without what WordPress would act upon."""
    return "".join(_token(match) for match in _TOKEN.finditer(fit(source))).strip()


def _token(match: re.Match[str]) -> str:
    if match["comment"]:
        return ""
    if match["raw"]:  # in a script, an entity would be no bracket; comments there could still end the block
        return match["raw"].replace("<!-- wp:", "<!-- wp :").replace("<!-- /wp:", "<!-- /wp :")
    text = match[0].replace("[", "&#91;")
    return _BARE_URL.sub(r"\1&#58;", text) if match["text"] else text


def fit(text: str) -> str:
    """Text without what neither JSON in UTF-8 nor MySQL can hold."""
    return _UNFIT.sub("\ufffd", text)


def text_as_html(text: str) -> str:
    """Plain text where WordPress takes HTML: a title, an excerpt."""
    return html.escape(fit(text), quote=False)


def block(mark: Mark, body: str) -> str:
    """The post's content: the mark and the body in one block."""
    return f"{_START}<!-- pubsite:{mark.marker}:{mark.wanted}:{mark.content_hash} -->\n{body}{_END}"


def mark_of(content: str) -> Mark | None:
    """The mark in a post's raw content; None: it is not one of ours."""
    found = _MARK.search(content)
    return None if found is None else Mark(*found.groups())


def without_mark(content: str) -> str:
    return _MARK.sub("", content)


def taken_out(sent: str, stored: str) -> str:
    """What somebody made of HTML that was sent, in words; "" when it is as it was."""
    if sent == stored:
        return ""
    before, after = (Counter(name.lower() for name in _TAG_NAME.findall(one)) for one in (sent, stored))
    missing = ", ".join(sorted(before - after))
    return f"WordPress took out of the HTML: {missing}" if missing else "WordPress changed the HTML"
