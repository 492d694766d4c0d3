"""From an empty server to a post of a real WordPress, by the ten commands of docs/publishing.md as they stand there.

Starts a WordPress on loopback, then runs the page's commands in a shell, the first one (`make run`) with a port and a
folder of its own. Ends with exit code 1 unless the tenth shows the record as published, and the post is there with what
the page says, once. `--short` is the same: it takes half a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.long.wordpress_server import Server, free_port, missing, running, wait_until, wordpress

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "publishing.md"
WALK = re.compile(r"^## From an empty server to a WordPress post\n(.*?)^## ", re.M | re.S)
COMMAND = re.compile(r"^```bash\n(.*?)^```$", re.M | re.S)
ADDRESS = "localhost:6543"  # of the server in the docs
PATIENCE = 30.0
POSTS = "SELECT post_title AS title, post_content AS content, post_status AS status, post_name AS slug FROM wp_posts"


class Broken(Exception):
    """A promise of the page that did not hold."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="the same")
    parser.parse_args()
    if absent := missing():
        print(f"skipped: {absent}")
        return 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="walk-") as folder:
        try:
            walk(Path(folder))
        except Broken as error:
            print(f"BROKEN {error}")
            return 1
    print(f"ten commands, one post: {time.monotonic() - started:.0f} s")
    return 0


def walk(folder: Path) -> None:
    """Run the page's commands; raises Broken."""
    first, *others = commands()
    port = free_port()
    with pubsite(first, folder, port) as wait_for_it, wordpress(folder / "blog") as server:
        wait_for_it()
        said = paste([each.replace(ADDRESS, f"localhost:{port}") for each in others], environ(folder, server, port))
        record = published(said)
        require_one_post(server)
    print(f"{record['status']}: {record['external_url']}")


def require_one_post(server: Server) -> None:
    """Raise Broken unless the page stands there, once."""
    posts = [post for post in server.query(f"{POSTS} WHERE post_type = 'post'") if "pubsite" in (post["content"] or "")]
    if len(posts) != 1:
        raise Broken(f"{len(posts)} posts, not one")
    (post,) = posts
    shown = (post["title"], post["status"], post["slug"])
    if shown != ("Hello from pubsite", "publish", "hello"):
        raise Broken(f"the post is {shown}")
    if "Written <em>here</em>, read there." not in (post["content"] or ""):
        raise Broken(f"the post says {post['content']}")


def commands() -> list[str]:
    """The ten of the page."""
    section = WALK.search(PAGE.read_text("utf-8"))
    found = COMMAND.findall(section[1]) if section else []
    if len(found) != 10 or found[0].strip() != "make run":
        raise Broken(f"the page has {len(found)} commands, and begins with {found[:1]}")
    return found


def environ(folder: Path, server: Server, port: int) -> dict[str, str]:
    """What the page has its readers say beforehand; and that the server is elsewhere than where it is by default."""
    unset = {name: value for name, value in os.environ.items() if not name.startswith("PUBSITE_")}
    blog = {"WORDPRESS": server.base_url, "WORDPRESS_USER": server.user}
    here = {"PUBSITE_DATA_DIR": str(folder / "data"), "PUBSITE_SITES_PORT": str(port)}
    return {**unset, **blog, "WORDPRESS_PASSWORD": server.application_password, **here}


@contextmanager
def pubsite(command: str, folder: Path, port: int) -> Iterator[Callable[[], None]]:
    """The first command, until the others are done, and what waits until it is ready. It may call this machine, as the
    page says below it."""
    log = folder / "pubsite.log"
    options = {"PUBSITE_OUTGOING_ALLOW": "127.0.0.1", "PORT": str(port), "DATA": str(folder / "data")}
    with running(["bash", "-c", command], ROOT, log, signal.SIGTERM, **options) as process:
        ready = f"ready http://localhost:{port}"
        yield lambda: wait_until(process, log, lambda: ready in log.read_text("utf-8", "replace"))


def paste(lines: list[str], environ: Mapping[str, str]) -> str:
    """What the last command says, which is said again while something is pending; the others once, in one shell."""
    *once, last = lines
    again = f"for _ in $(seq {PATIENCE:.0f}); do\nSAID=$({last})\n"
    again += (
        '[[ $SAID == *\'"status": "pending"\'* || $SAID == *\'"status": "publishing"\'* ]] || break\nsleep 1\ndone\n'
    )
    script = "\n".join([*once, again, 'echo; echo "$SAID"'])
    shell = ["bash", "--noprofile", "--norc", "-e", "-u", "-o", "pipefail", "-c", script]
    done = subprocess.run(shell, cwd=ROOT, env=dict(environ), capture_output=True, text=True, timeout=10 * PATIENCE)
    if done.returncode:
        raise Broken(f"a command failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout.splitlines()[-1]


def published(said: str) -> dict[str, str]:
    """The one record of an answer, which is published."""
    answer = json.loads(said)
    records = answer.get("results", [])
    if [record["status"] for record in records] != ["published"]:
        raise Broken(f"the tenth command says {said}")
    return dict(records[0])


if __name__ == "__main__":
    sys.exit(main())
