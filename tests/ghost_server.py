"""A real Ghost on loopback, from the npm package: SQLite in a folder, no mail, no update check, an Admin API key.

`install` takes some four minutes and 600 MB the first time: two of Ghost's libraries are compiled. As a command it
prints where the server is, as JSON, and serves until SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

VERSION = "5.130.6"  # the last that runs on Node 20; 6.x wants 22
CACHE = Path(".cache/ghost")
TOOLS = ("node", "npm", "make", "g++", "python3")
NODE_MAJORS = (18, 20, 22)
OWNER = {"name": "Owner", "email": "owner@example.com", "password": "Kq8-a-long-passphrase", "blogTitle": "Blog"}
INSTALL_SECONDS, START_SECONDS, STOP_SECONDS = 1800, 120, 10


class Broken(Exception):
    """What did not work, in words."""


@dataclass(frozen=True)
class Ghost:
    """`admin_key` is what Ghost shows its owner: the key's id, a colon, the secret in hex."""

    base_url: str
    admin_key: str
    database: str  # SQLite: its table `emails` has a row for each mailing that was ever asked for


def missing(cache: Path = CACHE) -> str | None:
    """One line that says why `ghost` cannot run; None: it can."""
    if lacking := _lacking(("node",)):
        return lacking
    return None if _home(cache).is_dir() else f"Ghost {VERSION} is not in {cache}: run {Path(__file__).name} --install"


def install(cache: Path = CACHE) -> Path:
    """Ghost and its libraries under `cache`, unless they are there."""
    home = _home(cache)
    if home.is_dir():
        return home
    if lacking := _lacking(TOOLS):
        raise Broken(lacking)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        _npm(work, "pack", f"ghost@{VERSION}")
        with tarfile.open(Path(work, f"ghost-{VERSION}.tgz")) as package:
            package.extractall(work, filter="data")
        _npm(_for_npm(Path(work, "package")), "install", "--omit=dev", "--legacy-peer-deps", "--no-audit", "--no-fund")
        Path(work, "package").rename(home)
    return home


@contextmanager
def ghost(folder: Path, cache: Path = CACHE) -> Iterator[Ghost]:
    """A Ghost of its own in `folder`, set up with an owner and a custom integration; ended afterwards."""
    if reason := missing(cache):
        raise Broken(reason)
    folder, port = folder.absolute(), _free_port()
    _lay(folder, _home(cache).absolute(), port)
    base_url, log = f"http://127.0.0.1:{port}", folder / "ghost.log"
    # Nothing else of ours: it reads settings from names.
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "NODE_ENV": "production"}
    with log.open("ab") as output:
        command = ["node", "current/index.js"]
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        _wait(process, base_url, log)
        yield Ghost(base_url, _admin_key(base_url), str(_database(folder)))
    finally:
        _end(process)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM; `--short` starts it, says where it was, and stops."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="for its database and files; else a new one for this run")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where Ghost is installed (%(default)s)")
    parser.add_argument("--install", action="store_true", help="install it there first")
    parser.add_argument("--short", action="store_true", help="stop as soon as it answers; fine where it is missing")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if options.install:
        install(options.cache)
    if reason := missing(options.cache):
        print(reason, file=sys.stderr)
        return 0 if options.short else 1
    with tempfile.TemporaryDirectory() as own, ghost(options.folder or Path(own), options.cache) as server:
        print(json.dumps(asdict(server)), flush=True)
        while not options.short:
            signal.pause()
    return 0


def _lacking(tools: Sequence[str]) -> str | None:
    """One line on the first tool that is missing, or on a Node that Ghost does not know."""
    if absent := next((tool for tool in tools if not shutil.which(tool)), None):
        return f"{absent} is not installed"
    found = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    known = found.lstrip("v").split(".")[0] in map(str, NODE_MAJORS)
    return None if known else f"Ghost {VERSION} runs on Node {NODE_MAJORS}, not on {found}"


def _home(cache: Path) -> Path:
    return cache / f"ghost-{VERSION}"


def _npm(folder: Path | str, *command: str) -> None:
    done = subprocess.run(["npm", *command], cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    if done.returncode:
        raise Broken(f"npm {command[0]} failed: {done.stderr[-2000:]}")


def _for_npm(package: Path) -> Path:
    """Ghost is packed for yarn: npm finds no tools of its developers, and pins under another name."""
    manifest = package / "package.json"
    fields = json.loads(manifest.read_text(encoding="utf-8"))
    fields["overrides"] = fields.pop("resolutions")
    for name in ("devDependencies", "scripts", "nx"):
        fields.pop(name, None)
    manifest.write_text(json.dumps(fields, indent=2), encoding="utf-8")
    return package


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _database(folder: Path) -> Path:
    return folder / "content" / "data" / "ghost.db"


def _lay(folder: Path, home: Path, port: int) -> None:
    """What Ghost wants to find where it starts: `current`, its settings, and a theme."""
    for name in ("data", "images", "media", "files", "logs", "settings", "public", "adapters", "themes"):
        (folder / "content" / name).mkdir(parents=True, exist_ok=True)
    shutil.copytree(home / "content/themes/source", folder / "content/themes/source", dirs_exist_ok=True)
    (folder / "current").unlink(missing_ok=True)
    (folder / "current").symlink_to(home)
    settings = json.dumps(_settings(folder, port), indent=2)
    (folder / "config.production.json").write_text(settings, encoding="utf-8")


def _settings(folder: Path, port: int) -> dict[str, Any]:
    """Loopback, SQLite, and nothing that would leave the machine."""
    privacy = ("useUpdateCheck", "useGravatar", "useRpcPing", "useStructuredData")
    return {
        "url": f"http://127.0.0.1:{port}",
        "server": {"host": "127.0.0.1", "port": port, "shutdownTimeout": 2000},
        "database": {
            "client": "sqlite3",
            "connection": {"filename": str(_database(folder))},
            "useNullAsDefault": True,
        },
        "mail": {"transport": "stub", "from": "blog@example.com"},
        "paths": {"contentPath": str(folder / "content")},
        "logging": {"level": "info", "transports": ["stdout"]},
        "privacy": dict.fromkeys(privacy, False),
        "updateCheck": {"url": "http://127.0.0.1:9/"},  # asked even so, only with less in the question
        "security": {"staffDeviceVerification": False},  # or a new session needs a code from a mail
        "sendWelcomeEmail": False,
        "emailAnalytics": False,
        "backgroundJobs": {"emailAnalytics": False},
    }


def _wait(process: subprocess.Popen[bytes], base_url: str, log: Path) -> None:
    """Until it answers; its log's end when it does not."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{base_url}/ghost/api/admin/site/", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise Broken(f"Ghost did not start:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def _admin_key(base_url: str) -> str:
    """What the owner would click together: the site's setup, a session, a custom integration."""
    with httpx.Client(base_url=f"{base_url}/ghost/api/admin", headers={"Origin": base_url}, timeout=30) as owner:
        if not _said(owner.get("/authentication/setup/"))["setup"][0]["status"]:
            _said(owner.post("/authentication/setup/", json={"setup": [OWNER]}))
        _said(owner.post("/session/", json={"username": OWNER["email"], "password": OWNER["password"]}))
        made = owner.post("/integrations/?include=api_keys", json={"integrations": [{"name": "pubsite"}]})
        keys = _said(made)["integrations"][0]["api_keys"]
    return str(next(key["secret"] for key in keys if key["type"] == "admin"))


def _said(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise Broken(f"Ghost answered {answer.status_code} to {answer.url}: {answer.text[:500]}")
    return answer.json() if "json" in answer.headers.get("Content-Type", "") else None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
