"""The few pages that hosting has of its own, for when no site has an answer. They name nothing that was asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnPage:
    status: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def _page(status: str, title: str, text: str, *headers: tuple[str, str]) -> OwnPage:
    html = (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="robots" content="noindex">\n'
        f"<title>{title}</title>\n"
        "<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:20vh auto;padding:0 1rem;"
        "color:#222;background:#fff}a{color:inherit}@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}}</style>\n"
        f"<h1>{title}</h1>\n<p>{text}</p>\n</html>\n"
    )
    return OwnPage(status, html.encode(), headers)


NO_SITE = _page("404 Not Found", "No site here", "There is no site at this address, or nothing of it is live yet.")
NO_PAGE = _page("404 Not Found", "Page not found", 'There is no such page. <a href="/">Go to the front page</a>.')
GONE = _page("410 Gone", "This site is off the air", "It was taken down by its owners.")
CHANGED = _page("412 Precondition Failed", "Changed since", "The page is no longer what was asked for.")
METHOD = _page(
    "405 Method Not Allowed", "Only to be read", "This site can be read, and nothing else.", ("Allow", "GET, HEAD")
)
UNAVAILABLE = _page(
    "503 Service Unavailable", "Back in a moment", "The page cannot be read just now.", ("Retry-After", "5")
)
