"""Every page of running sites: axe in light and dark on a phone and a desk, Nu's HTML checker, screenshots.

    check.py [--screenshots DIR] [--max-pages N] [--one-page] URL…

Needs node, npm, java and chromium; where one is missing it says so in one line and ends with 0. The packages of
package-lock.json go into `.cache/browser`. Ends with 1 on a serious or critical finding of axe, an error of Nu, a
broken internal link, a request to another host, a script's error, or a page wider than its screen.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "browser"
NO_SUCH_PAGE = "/no/such/page"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Site:
    """What was found by following a site's own links from its front page."""

    url: str
    pages: dict[str, bytes] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


def main() -> int:
    options = _options()
    chromium = next((path for name in CHROMIUMS if (path := shutil.which(name))), None)
    missing = [name for name in ("node", "npm", "java") if shutil.which(name) is None]
    if missing or chromium is None:
        print(f"browser checks skipped: no {', '.join(missing + ([] if chromium else ['chromium']))}")
        return 0
    if failure := _install():
        print(f"browser checks skipped: npm cannot install its packages: {failure}")
        return 0
    sites = [one_page(url) if options.one_page else crawl(url, options.max_pages) for url in options.urls]
    findings = [f"broken: {line}" for site in sites for line in site.broken]
    pages = {url: body for site in sites for url, body in site.pages.items()}
    findings += check_html(pages)
    findings += check_in_browser(list(pages), sites, chromium, options.screenshots)
    print("\n".join(findings) or "nothing found", flush=True)
    print(f"{len(pages)} pages of {len(sites)} sites, {len(findings)} findings")
    return 1 if findings or not pages else 0


def crawl(start: str, most: int) -> Site:
    """Follow links within the site, breadth first; everything that a page names on its own host must be there."""
    site, waiting, seen = Site(start), [(start, start)], {start}
    while waiting and len(site.pages) < most:
        url, origin = waiting.pop(0)
        status, kind, body, location = _get(url)
        named = [location] if location else []
        if status != 200 and not location:
            site.broken.append(f"{url} answers {status}, linked from {origin}")
        elif kind == "text/html" and not location:
            site.pages[url] = body
            named = list(_Links.of(body))
        for link in named:
            target = urldefrag(urljoin(url, link)).url
            if urlsplit(target).netloc == urlsplit(start).netloc and target not in seen:
                seen.add(target)
                waiting.append((target, url))
    missing = urljoin(start, NO_SUCH_PAGE)
    status, _, site.pages[missing], _ = _get(missing)
    if status != 404:
        site.broken.append(f"{missing} answers {status}, not 404")
    return site


def one_page(url: str) -> Site:
    """A page by itself, such as that of the API."""
    status, _, body, _ = _get(url)
    return Site(url, {url: body}, [] if status == 200 else [f"{url} answers {status}"])


def check_html(pages: dict[str, bytes]) -> list[str]:
    """Errors of the Nu HTML checker, a line each."""
    with tempfile.TemporaryDirectory() as folder:
        names = {f"{number}.html": url for number, url in enumerate(pages)}
        for name, url in names.items():
            (Path(folder) / name).write_bytes(pages[url])
        jar = CACHE / "node_modules/vnu-jar/build/dist/vnu.jar"
        command = ["java", "-jar", str(jar), "--format", "json", "--stdout", "--exit-zero-always", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = {}
    for message in json.loads(done.stdout)["messages"]:
        if message["type"] == "error":
            line = f"{message['message']} (line {message.get('lastLine')})"
            found.setdefault(line, []).append(names[Path(urlsplit(message["url"]).path).name])
    return [f"nu: {_count(urls)}: {line}" for line, urls in found.items()]


def check_in_browser(urls: list[str], sites: list[Site], chromium: str, screenshots: Path | None) -> list[str]:
    """Findings of browser.mjs, a line each; the pictures are written on the way."""
    with tempfile.TemporaryDirectory() as profile:
        task = {
            "urls": urls,
            "chromium": chromium,
            "profile": profile,
            "shots": _shots(sites) if screenshots else {},
            "folder": str(screenshots or ""),
        }
        if screenshots:
            screenshots.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "browser.mjs", CACHE)
        command = ["node", str(CACHE / "browser.mjs")]
        done = subprocess.run(command, input=json.dumps(task), stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, list[str]] = {}
    for finding in json.loads(done.stdout):
        found.setdefault(finding["text"], []).append(f"{finding['url']} ({finding['how']})")
    return [f"{text}: {_count(urls)}" for text, urls in found.items()]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("urls", nargs="+", metavar="URL")
    parser.add_argument("--screenshots", type=Path, metavar="DIR", help="write pictures of each site there")
    parser.add_argument("--max-pages", type=int, default=400, metavar="N", help="of each site (400)")
    parser.add_argument("--one-page", action="store_true", help="each URL by itself, not the site behind it")
    return parser.parse_args()


def _install() -> str:
    """Install the packages once for each state of the lock file; returns what npm said when it failed."""
    CACHE.mkdir(parents=True, exist_ok=True)
    lock = (HERE / "package-lock.json").read_text(encoding="utf-8")
    stamp = CACHE / "installed"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == lock:
        return ""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, CACHE)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(CACHE)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no reason given"])[0]
    stamp.write_text(lock, encoding="utf-8")
    return ""


def _get(url: str) -> tuple[int, str, bytes, str]:
    """Status, media type, body and Location. Resolvers of programs do not know *.localhost: it is asked by address."""
    parts = urlsplit(url)
    local = (parts.hostname or "").endswith("localhost")
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect("127.0.0.1" if local else parts.hostname or "", parts.port, timeout=30)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("GET", path, headers={"Host": parts.netloc})
        response = connection.getresponse()
        kind = response.headers.get_content_type()
        location = response.headers.get("Location", "") if 300 <= response.status < 400 else ""
        return response.status, kind, response.read(), location
    finally:
        connection.close()


class _Links(HTMLParser):
    """The addresses that a page names."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    @classmethod
    def of(cls, body: bytes) -> Iterator[str]:
        parser = cls()
        parser.feed(body.decode("utf-8", "replace"))
        yield from (link for link in parser.found if not link.startswith(("#", "mailto:", "tel:", "data:")))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


def _shots(sites: Iterable[Site]) -> dict[str, str]:
    """URL → name of its pictures: of each site the front page, the longest page, and one of middling length."""
    shots: dict[str, str] = {}
    for site in sites:
        label = (urlsplit(site.url).hostname or "site").split(".")[0]
        by_length = sorted(site.pages, key=lambda url: len(site.pages[url]))
        chosen = {"front": site.url, "longest": by_length[-1], "middling": by_length[len(by_length) // 2]}
        for name, url in chosen.items():
            shots.setdefault(url, f"{label}-{name}")
    return shots


def _count(urls: list[str]) -> str:
    return urls[0] if len(urls) == 1 else f"{urls[0]} and {len(urls) - 1} more"


if __name__ == "__main__":
    sys.exit(main())
