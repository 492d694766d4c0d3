"""A real WordPress (Debian's package) on loopback, for tests of deliveries.

    with wordpress(folder) as server:
        requests.post(server.base_url + "/wp-json/wp/v2/posts", auth=(server.user, server.application_password), ...)

PHP's own web server serves it from a copy in the folder; an own MariaDB, without network and without accounts, holds
its database. As a command it prints what it has started as JSON and serves until SIGTERM or SIGINT; `--short` ends as
soon as the API has answered. missing() names what is not installed, PACKAGES is what apt-get must install.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

SOURCE = Path("/usr/share/wordpress")
SCRIPTS = Path(__file__).parent / "wordpress"  # wp-config.php, install.php, router.php
# php-cgi stands before php, and mini-httpd in the list, so that apt-get chooses them for "a PHP" and "an httpd" on
# which wordpress depends: with --no-install-recommends nothing of these starts a service, and Apache stays away.
PACKAGES = "php-cgi php php-xml php-mbstring wordpress wordpress-theme-twentytwentythree mini-httpd mariadb-server-core"
MARIADB = [
    "--no-defaults", "--skip-grant-tables", "--skip-networking", "--skip-log-bin", "--performance-schema=OFF",
    "--character-set-server=utf8mb4", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M",
    "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--innodb-doublewrite=0",
    "--innodb-stats-persistent=0", "--innodb-fast-shutdown=2", "--user=root",  # for all but root only a warning
]  # fmt: skip
PHP = [
    "php", "-d", "memory_limit=256M", "-d", "post_max_size=128M", "-d", "upload_max_filesize=128M",
    "-d", "display_errors=stderr", "-d", "opcache.revalidate_freq=0", "-d", "sendmail_path=/bin/true",
]  # fmt: skip
PATIENCE = 60.0  # seconds until a part that has not answered counts as broken
SEARCHED = os.environ.get("PATH", "") + ":/usr/sbin"  # where mariadbd is, whoever calls

# What hinders a client, as mu-plugins: see Server.hindrance().
HINDRANCES = {
    # A proxy, or PHP behind CGI, that does not hand the header on.
    "authorization stripped": """
unset($_SERVER['HTTP_AUTHORIZATION'], $_SERVER['PHP_AUTH_USER'], $_SERVER['PHP_AUTH_PW']);""",
    # Some plugin asks early who calls: only then does WordPress say `incorrect_password` and `invalid_username`.
    "credentials checked early": """
add_filter('rest_authentication_errors', function ($result) { is_user_logged_in(); return $result; }, 50);""",
    "rest disabled": """
add_filter('rest_authentication_errors', fn() => new WP_Error('rest_disabled', 'Switched off.', ['status' => 403]));""",
    # A server without rewrite rules: HTML where the API should be, but ?rest_route= still works.
    "wp-json missing": """
if (str_starts_with($_SERVER['REQUEST_URI'] ?? '', '/wp-json')) {
    http_response_code(404); header('Content-Type: text/html'); die('<!DOCTYPE html><title>404 Not Found</title>');
}""",
    "no application passwords": "add_filter('wp_is_application_passwords_available', '__return_false');",
    "no trash": "define('EMPTY_TRASH_DAYS', 0);",
    # Does what it is told, but the client never learns of it.
    "answers lost": """
add_filter('rest_post_dispatch', function ($response, $server, $request) {
    if ($request->get_method() === 'GET') { return $response; }
    http_response_code(502); header('Content-Type: text/html'); die('<h1>Bad Gateway</h1>');
}, 10, 3);""",
}


@dataclass(frozen=True)
class Account:
    """Somebody who may call the API with an application password."""

    user: str
    application_password: str


@dataclass(frozen=True)
class Server:
    """A WordPress that runs; `user` is its administrator."""

    base_url: str
    user: str
    application_password: str
    port: int
    author: Account  # writes and publishes posts, uploads; has no unfiltered_html, makes no categories
    reader: Account  # a subscriber: may read only
    site: Path  # WordPress's own folder, with wp-content
    database: Path  # MariaDB's socket

    def query(self, sql: str) -> list[dict[str, str | None]]:
        """What stands in the database: rows by column name, every value as text. (The text NULL comes as None, too.)"""
        command = [*client(self.database), "--batch", "--default-character-set=utf8mb4", "--execute", sql, "wordpress"]
        names, *rows = [line.split("\t") for line in run(command).removesuffix("\n").split("\n")]
        return [dict(zip(names, map(unescaped, row), strict=True)) for row in rows]

    def count_posts(self, *, slug: str = "", containing: str = "") -> int:
        """Posts in every status, those in the trash too, whose slug is `slug` (or that with what WordPress appends: -2,
        __trashed) and whose content holds `containing`; revisions do not count."""
        posts = self.query("SELECT post_name AS name, post_content AS content FROM wp_posts WHERE post_type = 'post'")
        named = re.compile(re.escape(slug) + r"(-[0-9]+)?(__trashed(-[0-9]+)?)?")
        found = [post for post in posts if containing in (post["content"] or "")]
        return sum(not slug or named.fullmatch(post["name"] or "") is not None for post in found)

    def run_php(self, code: str) -> str:
        """What `code` prints, run inside WordPress: `run_php("update_option('default_comment_status', 'closed');")`."""
        start = "<?php $_SERVER['HTTP_HOST'] = '127.0.0.1'; require getcwd() . '/wp-load.php';\n"
        return run(PHP, text=start + code, cwd=self.site)

    def set_mu_plugin(self, name: str, code: str) -> None:
        """Let every request from now on run `code` while WordPress starts."""
        target = self.site / "wp-content" / "mu-plugins" / f"{name}.php"
        target.parent.mkdir(exist_ok=True)
        fresh = target.with_suffix(".new")
        fresh.write_text(f"<?php\n{code}\n", "utf-8")
        fresh.replace(target)

    def remove_mu_plugin(self, name: str) -> None:
        (self.site / "wp-content" / "mu-plugins" / f"{name}.php").unlink(missing_ok=True)

    @contextmanager
    def hindrance(self, name: str) -> Iterator[None]:
        """One of HINDRANCES, for as long as the block lasts."""
        self.set_mu_plugin("hindrance", HINDRANCES[name])
        try:
            yield
        finally:
            self.remove_mu_plugin("hindrance")


def missing() -> str:
    """One line that names what is not installed; empty when the server can start."""
    absent = [program for program in ("php", "mariadbd", "mariadb") if not shutil.which(program, path=SEARCHED)]
    if not (SOURCE / "wp-load.php").exists():
        absent.append(str(SOURCE))
    if "php" not in absent:
        loaded = run([*PHP, "-m"]).split()
        absent += [f"PHP's {module}" for module in ("mysqli", "gd", "xml", "mbstring") if module not in loaded]
    return f"not installed: {', '.join(absent)} (apt-get install --no-install-recommends {PACKAGES})" if absent else ""


@contextmanager
def wordpress(folder: Path) -> Iterator[Server]:
    """A new WordPress in `folder`, which is made if need be; logs of PHP and MariaDB stand there afterwards."""
    if absent := missing():
        raise RuntimeError(absent)
    folder = folder.resolve()
    site, port = folder / "wordpress", free_port()
    base_url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        # The path of a socket has at most 107 bytes: a test's folder is often longer.
        database = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wordpress-"))) / "mariadb"
        copy_wordpress(site)
        settings = {"database": str(database), "base_url": base_url, "secret": secrets.token_hex(32)}
        (folder / "settings.json").write_text(json.dumps(settings), "utf-8")
        stack.enter_context(running_mariadb(folder, database))
        passwords: dict[str, str] = json.loads(run([*PHP, str(SCRIPTS / "install.php")], cwd=site))
        admin, author, reader = (Account(name, passwords[name]) for name in ("admin", "author", "reader"))
        stack.enter_context(running_php(folder, site, port))
        yield Server(base_url, **asdict(admin), port=port, author=author, reader=reader, site=site, database=database)


def copy_wordpress(site: Path) -> None:
    """An own copy, as WordPress takes the folder that it lies in for its own; of the library only a link."""
    shutil.copytree(SOURCE, site, ignore=shutil.ignore_patterns("wp-includes", "wp-config.php", ".htaccess"))
    (site / "wp-includes").symlink_to(SOURCE / "wp-includes")
    (site / "wp-content" / "uploads").mkdir()
    shutil.copy(SCRIPTS / "wp-config.php", site)


@contextmanager
def running_mariadb(folder: Path, database: Path) -> Iterator[None]:
    """A MariaDB with one empty database. It makes its files itself, in a tenth of the time of mariadb-install-db: what
    that adds are accounts, which --skip-grant-tables leaves aside, and help."""
    files, log = folder / "mariadb", folder / "mariadb.log"
    files.mkdir()
    options = [f"--datadir={files}", f"--socket={database}", f"--pid-file={database}.pid"]
    command = [shutil.which("mariadbd", path=SEARCHED) or "mariadbd", *MARIADB, *options]
    with running(command, folder, log, signal.SIGTERM) as process:
        wait_until(process, log, database.exists)
        run([*client(database), "--execute", "CREATE DATABASE wordpress"])
        yield


@contextmanager
def running_php(folder: Path, site: Path, port: int) -> Iterator[None]:
    command = [*PHP, "-S", f"127.0.0.1:{port}", "-t", str(site), str(SCRIPTS / "router.php")]
    log = folder / "php.log"
    # At SIGINT PHP waits for its workers; at SIGTERM it leaves them behind as zombies.
    with running(command, site, log, signal.SIGINT, PHP_CLI_SERVER_WORKERS="4") as process:
        wait_until(process, log, lambda: answers(port))
        yield


@contextmanager
def running(
    command: list[str], cwd: Path, log: Path, ending: signal.Signals, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, which is ended as a whole: PHP's workers would outlive their parent."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        end_group(process, ending)


def end_group(process: subprocess.Popen[bytes], ending: signal.Signals) -> None:
    """The signal to the group, and SIGKILL to what is left of it some time later."""
    for number in (ending, signal.SIGKILL):
        ends = time.monotonic() + 10
        while time.monotonic() < ends:
            process.poll()  # takes the leader's end in, or its group would never be gone
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                return
            time.sleep(0.05)


def wait_until(process: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool]) -> None:
    """Until `ready`, or an error with the end of the log."""
    ends = time.monotonic() + PATIENCE
    while not ready():
        if process.poll() is not None or time.monotonic() > ends:
            raise RuntimeError(f"{process.args!r} has not started:\n{log.read_text('utf-8', 'replace')[-2000:]}")
        time.sleep(0.05)


def answers(port: int) -> bool:
    """Whether WordPress's API is there; no proxy of the environment's comes between."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/wp-json/", timeout=PATIENCE) as answer:
            return "wp/v2" in json.load(answer)["namespaces"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"WordPress answers {error.code}: {error.read()[:2000]!r}") from error
    except (urllib.error.URLError, ConnectionError):
        return False


def client(database: Path) -> list[str]:
    return ["mariadb", "--no-defaults", f"--socket={database}"]


def run(command: list[str], *, text: str = "", cwd: Path | None = None) -> str:
    """What a command prints, or an error with what it says."""
    done = subprocess.run(command, input=text.encode(), capture_output=True, cwd=cwd)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: exit code {done.returncode}: {(done.stderr or done.stdout).decode()[-999:]}")
    return done.stdout.decode()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def unescaped(value: str) -> str | None:
    """A value as `mariadb --batch` prints it."""
    letters = {"n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
    return None if value == "NULL" else re.sub(r"\\([nt0\\])", lambda found: letters[found[1]], value)


def leave(number: int, frame: object) -> None:
    """Ends main through its `with` blocks, which further signals do not disturb."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(0)


def main() -> int:
    parser = argparse.ArgumentParser(description="A real WordPress on loopback, until SIGTERM or SIGINT.")
    parser.add_argument("--folder", type=Path, help="where it is made; a temporary folder unless told")
    parser.add_argument("--short", action="store_true", help="end as soon as it has answered; skip what is missing")
    options = parser.parse_args()
    if absent := missing():
        print(f"skipped: {absent}" if options.short else absent)
        return 0 if options.short else 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    with tempfile.TemporaryDirectory(prefix="wordpress-") as spare, wordpress(options.folder or Path(spare)) as server:
        print(json.dumps(asdict(server), default=str), flush=True)
        if not options.short:
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
