"""Threads that write, deploy and visit until the server dies under them, and the ledger of what was acknowledged.

Every key of the ledger has one writer, so that what may stand under it after a kill is known: the last acknowledged
value, or the one that was under way.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from pubsite.storage import FileEntry, Manifest, Ref, Storage
from tests.crash.process import Broken

RECORDS = "/api/v1/publisher/deployments"
PAGES, BATCH, FILES, TREE = 12, 5, 12, 6
MARK = re.compile(r"mark-(\d+)")
LOT = re.compile(r"lot-(\d+)")  # in the content and the title of pages that are written together
ASSET = re.compile(r"/_assets/[a-z0-9_-]+\.([0-9a-f]{12})\.[a-z0-9]+")
Json = dict[str, Any]


@dataclass
class Ledger:
    """What the server acknowledged, by key; None: deleted. `maybe`: what was under way when it died."""

    acknowledged: dict[str, str | None] = field(default_factory=dict)
    maybe: dict[str, str | None] = field(default_factory=dict)
    deployments: set[str] = field(default_factory=set)
    writes: int = 0
    responses: int = 0
    torn: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def write(self, key: str, value: str | None, send: Callable[[], httpx.Response]) -> bool:
        """Send a write and note what came of it; raises httpx.TransportError when the server is gone."""
        self.maybe[key] = value
        response = send()
        if response.status_code >= 500:
            if response.status_code != 503:
                self.broken.append(f"{response.status_code} for a write of {key}: {response.text[:200]}")
            return False  # it may have been written all the same
        del self.maybe[key]
        if response.status_code >= 400:
            self.broken.append(f"{response.status_code} for a write of {key}: {response.text[:200]}")
            return False
        self.acknowledged[key] = value
        self.writes += 1
        return True


@dataclass
class Setting:
    """The sites to work on, and who works on them."""

    base: str
    token: str
    publisher: str
    pages: Json
    files: Json
    tree: Json
    page_ids: dict[str, str]
    storage: Storage

    def http(self) -> httpx.Client:
        return httpx.Client(base_url=self.base, headers={"Authorization": f"Bearer {self.token}"}, timeout=70)

    @property
    def sites(self) -> tuple[Json, Json, Json]:
        return self.pages, self.files, self.tree


class Clients:
    """All of them, from `start` until the server is gone or `stop`."""

    def __init__(self, setting: Setting, ledger: Ledger, numbers: itertools.count[int], seed: int) -> None:
        self._setting, self._ledger, self._numbers = setting, ledger, numbers
        self._stopping = threading.Event()
        works = (patch_pages, write_batches, write_files, swap_trees, deploy, deploy, visit, visit)
        self._threads = [
            threading.Thread(target=self._run, args=(work, random.Random(seed + n)), daemon=True)
            for n, work in enumerate(works)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """After the kill: wait until each has noticed."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(90)
            if thread.is_alive():
                raise Broken("a client hangs though its server is gone")

    def _run(self, work: Callable[..., None], random: random.Random) -> None:
        with self._setting.http() as http:
            try:
                while not self._stopping.wait(0.02 if work is visit else 0):  # readers would starve the writers
                    work(self._setting, self._ledger, http, random, next(self._numbers))
            except httpx.TransportError:
                return
            except Exception as error:
                self._ledger.broken.append(f"{work.__name__}: {type(error).__name__}: {error}")


def patch_pages(setting: Setting, ledger: Ledger, http: httpx.Client, random: random.Random, number: int) -> None:
    """Edit a page; now and then make one and delete it again."""
    path, content = (
        f"/p/{random.randrange(PAGES)}",
        f"<p>mark-{number} {'word ' * random.randrange(400)}mark-{number}</p>",
    )
    body = {"config": {"content": content, "title": f"page {path}"}}
    ledger.write(f"page {path}", content, lambda: http.patch(f"/api/sites/pages/{setting.page_ids[path]}", json=body))
    if random.random() < 0.2:
        passing = f"/passing/{number}"
        new = {"path": passing, "config": {"content": content, "title": "passing"}}
        pages = f"/api/sites/{setting.publisher}/{setting.pages['slug']}/pages"
        made: list[httpx.Response] = []
        if ledger.write(f"page {passing}", content, lambda: made.append(http.post(pages, json=new)) or made[0]):
            url = f"/api/sites/pages/{made[0].json()['id']}"
            ledger.write(f"page {passing}", None, lambda: http.delete(url))


def write_batches(setting: Setting, ledger: Ledger, http: httpx.Client, random: random.Random, number: int) -> None:
    """Write some pages in one batch: all of them bear one mark, live as well."""
    url = f"/api/sites/{setting.publisher}/{setting.pages['slug']}/pages:batch"
    ledger.write("batch", str(number), lambda: http.post(url, json={"upsert": batch_of(number)}))


def batch_of(number: int) -> list[Json]:
    config = {"content": f"<p>lot-{number}</p>", "title": f"batch lot-{number}"}
    return [{"path": f"/b/{n}", "config": config} for n in range(BATCH)]


def write_files(setting: Setting, ledger: Ledger, http: httpx.Client, random: random.Random, number: int) -> None:
    """Upload, edit and delete files of the SelfManaged site."""
    base, path = f"/api/sites/{setting.files['id']}/files", f"d/{random.randrange(FILES)}.txt"
    text = f"mark-{number} {'x' * random.randrange(3000)} mark-{number}"
    present = ledger.acknowledged.get(f"file {path}") is not None and f"file {path}" not in ledger.maybe
    if present and random.random() < 0.2:
        ledger.write(f"file {path}", None, lambda: http.delete(f"{base}/delete/{path}"))
    elif present and random.random() < 0.5:
        ledger.write(f"file {path}", text, lambda: http.put(f"{base}/edit/{path}", json={"new_content": text}))
    else:
        upload = {"file": ("name", text.encode())}
        send = lambda: http.post(f"{base}/upload", data={"filePath": path}, files=upload)  # noqa: E731  # one of several senders
        ledger.write(f"file {path}", text, send)


def swap_trees(setting: Setting, ledger: Ledger, http: httpx.Client, random: random.Random, number: int) -> None:
    """Swap the whole tree of a site: every file of it bears one mark."""
    base = f"/api/sites/{setting.tree['id']}/files"
    bodies = {hashlib.sha256(body).hexdigest(): (path, body) for path, body in tree_of(number).items()}
    wanted = {"files": {path: digest for digest, (path, _) in bodies.items()}}
    answer = http.post(f"{base}/sync", json=wanted)
    for digest in answer.json().get("missing", []):
        http.put(f"{base}/blobs/{digest}", content=bodies[digest][1])
    ledger.write("tree", str(number), lambda: http.post(f"{base}/sync?commit=true", json=wanted))


def tree_of(number: int) -> dict[str, bytes]:
    return {f"{n}.txt": f"file {n} mark-{number}".encode() for n in range(TREE)}


def deploy(setting: Setting, ledger: Ledger, http: httpx.Client, random: random.Random, number: int) -> None:
    """Deploy a site, and sometimes roll it back; a hold that this leaves is released by the next deploy."""
    site = random.choice(setting.sites)
    wait = {"Prefer": "wait=20"} if random.random() < 0.7 else {}
    asked = {"site_id": site["id"], "release_hold": random.random() < 0.8}
    record = _asked(ledger, http.post(f"{RECORDS}/", json=asked, headers=wait))
    if record and record.get("is_live") and random.random() < 0.3:
        _asked(ledger, http.post(f"{RECORDS}/{record['id']}/rollback/", json={}, headers=wait))


def _asked(ledger: Ledger, response: httpx.Response) -> Json | None:
    """The record of an acknowledged deploy; a hold or nothing below is no failure."""
    if response.status_code not in (200, 202, 409, 503):
        ledger.broken.append(f"{response.status_code} for a deploy: {response.text[:200]}")
    if response.status_code not in (200, 202):
        return None
    record: Json = response.json()["data"]
    ledger.deployments.add(record["id"])
    ledger.writes += 1
    return record


def visit(setting: Setting, ledger: Ledger, http: httpx.Client, random: random.Random, number: int) -> None:
    """Read a page of a live site with its assets, or files of one tree: each answer must be of one version."""
    site, paths = random.choice(
        [
            (setting.pages, [f"/p/{random.randrange(PAGES)}/", "/b/", f"/b/{random.randrange(BATCH)}/"]),
            (setting.files, [f"/d/{random.randrange(FILES)}.txt" for _ in range(3)]),
            (setting.tree, [f"/{n}.txt" for n in range(TREE)]),
        ]
    )
    host = {"Host": f"{site['host_label']}.localhost:{setting.base.rpartition(':')[2]}", "Authorization": ""}
    before = setting.storage.refs.get(site["id"], "production")
    answers = {path: http.get(path, headers=host) for path in paths}
    page = next((answer.text for path, answer in answers.items() if path.startswith("/p/")), "")
    for asset in sorted({match[0] for match in ASSET.finditer(page)}):
        answers[asset] = http.get(asset, headers=host)
    after = setting.storage.refs.get(site["id"], "production")
    ledger.responses += len(answers)
    for path, answer in answers.items():
        if problem := judge(setting.storage, before, after, path, answer):
            ledger.torn.append(f"{site['slug']}{path}: {problem}")


def judge(storage: Storage, before: Ref | None, after: Ref | None, path: str, answer: httpx.Response) -> str:
    """What is wrong with an answer that was given between two readings of the ref; empty: nothing."""
    if answer.status_code >= 500:
        return f"status {answer.status_code}"
    for kind in (MARK, LOT):
        if answer.status_code == 200 and len(marks := set(kind.findall(answer.text))) > 1:
            return f"marks {sorted(marks)} in one answer"
    if match := ASSET.fullmatch(path):
        if answer.status_code != 200:
            return f"status {answer.status_code} for an asset that a page named"
        return (
            "" if hashlib.sha256(answer.content).hexdigest().startswith(match[1]) else "other bytes than its name says"
        )
    if before is None or after is None or before.generation + 1 < after.generation:
        return ""  # which versions were live meanwhile cannot be told
    allowed = {entry_digest(storage, ref.manifest, path) for ref in (before, after)}
    given = hashlib.sha256(answer.content).hexdigest() if answer.status_code == 200 else None
    return "" if given in allowed else f"status {answer.status_code}, and bytes of no version that was live"


def entry_digest(storage: Storage, manifest: str, path: str) -> str | None:
    """The digest of what a version holds at a URL path; None: nothing."""
    entry = Manifest(storage.objects, manifest).lookup(path + "index.html" if path.endswith("/") else path)
    return entry.digest if isinstance(entry, FileEntry) else None
