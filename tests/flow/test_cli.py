"""The command line from an empty folder to a site that was edited, deployed, rolled back and exported."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import waitress

import pubsite
from pubsite.cli import main

ROOT = Path(__file__).parents[2]
INI = """\
[app:main]
use = egg:pubsite
pubsite.development = true
pubsite.data_dir = %(here)s/data
pubsite.render_processes = 1

[server:main]
use = egg:pubsite
port = 7654
"""
DOCS = {
    "index.md": "# Welcome\n\nRead the [guide](guide/install.md). ![Mark](img/mark.svg)\n",
    "guide/install.md": "---\ntitle: Install\ntags: [setup]\n---\nHow to.\n",
    "img/mark.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
}


class Shell:
    """Runs command lines, and keeps what the last one wrote."""

    def __init__(self, ini: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.ini = ini
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *words: object, code: int = 0) -> str:
        self._capsys.readouterr()
        found = main(["-c", str(self.ini), *map(str, words)])
        self.out, self.err = self._capsys.readouterr()
        assert found == code, f"{words} → {found}\n{self.out}\n{self.err}"
        assert "Traceback" not in self.err
        return self.out

    def json(self, *words: object, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code))


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A server with the publisher `acme`, whose Owner is `kim`."""
    ini = tmp_path / "development.ini"
    ini.write_text(INI)
    shell = Shell(ini, capsys)
    shell("account", "create", "kim")
    shell("publisher", "create", "acme", "--owner", "kim")
    return shell


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return write(tmp_path / "docs", DOCS)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_from_nothing_to_a_site_and_back(shell: Shell, docs: Path, tmp_path: Path) -> None:
    made = shell.json("site", "create", "acme/docs", "--name", "Docs")
    assert (made["slug"], made["mode"], made["pages"]) == ("docs", "FullyManaged", [])
    assert made["url"] == "http://docs-acme.localhost:7654/"
    counts = shell.json("import", "acme/docs", docs)
    assert counts == {"created": 2, "updated": 0, "unchanged": 0, "deleted": 0, "problems": []}
    first = shell.json("deploy", "acme/docs", "--message", "first")
    assert (first["status"], first["deployed_version"], first["is_live"]) == ("deployed", 1, True)
    assert first["message"] == "first"

    write(docs, {"index.md": "# Changed\n"})
    assert shell.json("import", "acme/docs", docs)["updated"] == 1
    assert "version 2" in shell("deploy", "acme/docs")
    back = shell.json("rollback", "acme/docs")
    assert (back["kind"], back["deployed_version"], back["is_live"]) == ("rollback", 1, True)
    status = shell.json("status", "acme/docs")
    assert status["live"]["id"] == back["id"]
    assert len(status["deployments"]) == 3

    shell("deploy", "acme/docs", code=5)
    assert "--release-hold" in shell.err
    assert shell.json("deploy", "acme/docs", "--release-hold")["is_live"] is True
    assert shell.json("rollback", "acme/docs", "--to", 1)["deployed_version"] == 1
    assert shell.json("rollback", "acme/docs", "--to", 1)["deployed_version"] == 1
    shell("rollback", "acme/docs", "--to", 99, code=5)

    exported = shell.json("export", "acme/docs", "--format", "dir", tmp_path / "out")
    assert exported["digest"] == first["stats"]["digest"]
    assert "Welcome" in (tmp_path / "out/index.html").read_text()
    assert sum(1 for file in (tmp_path / "out/guide").rglob("*.html") if file.is_file()) >= 1
    archive = shell.json("export", "acme/docs", "--format", "tar.gz", tmp_path / "out.tar.gz", "--version", 1)
    assert archive["digest"] == exported["digest"]
    assert archive["files"] == exported["files"]
    again = shell.json("export", "acme/docs", "--format", "tar.gz", tmp_path / "again.tar.gz")
    assert (tmp_path / "out.tar.gz").read_bytes() == (tmp_path / "again.tar.gz").read_bytes()
    assert again["not_expressed"] == []


def test_an_import_touches_only_what_changed(shell: Shell, docs: Path) -> None:
    shell("site", "create", "acme/docs", "--name", "Docs")
    shell("page", "put", "acme/docs", "/by-hand", "--page-config", '{"content": "<p>Mine</p>"}')
    shell("import", "acme/docs", docs)
    assert shell.json("import", "acme/docs", docs)["unchanged"] == 2
    (docs / "guide/install.md").unlink()
    (docs / "img/mark.svg").unlink()
    write(docs, {"new.md": "# New"})
    write(docs, {"img/new.svg": "<svg/>", "img/empty.txt": ""})
    kept = shell.json("import", "acme/docs", docs, "--keep")
    assert (kept["deleted"], [problem["path"] for problem in kept["problems"]]) == (0, ["img/empty.txt"])
    assert "1 sent, 0 unchanged, 0 deleted" in shell.err
    counts = shell.json("import", "acme/docs", docs)
    assert (counts["unchanged"], counts["deleted"]) == (2, 1)
    assert "1 deleted" in shell.err
    paths = [page["path"] for page in shell.json("page", "list", "acme/docs")]
    assert paths == ["/", "/by-hand", "/new"]


def test_what_an_import_cannot_take_is_named_and_the_rest_imported(shell: Shell, docs: Path) -> None:
    shell("site", "create", "acme/docs", "--name", "Docs")
    write(docs, {"bad.md": "---\ntitle: [x\n---\nText", "lang.md": "---\nlanguage: '!'\n---\nText", "notes.rst": "x"})
    write(docs, {"huge.bin": "x" * 1_100_000, "img/A.svg": "<svg/>", "IMG/b.svg": "<svg/>"})
    counts = shell.json("import", "acme/docs", docs)
    assert counts["created"] == 4
    named = {(problem["path"], problem["code"]) for problem in counts["problems"]}
    assert {("bad.md", "front_matter"), ("lang.md", "refused"), ("notes.rst", "not_rendered")} <= named
    assert {("huge.bin", "refused"), ("img/A.svg", "collision"), ("img/mark.svg", "collision")} <= named
    assert "huge.bin" in shell.err
    shell("import", "acme/docs", docs, "--strict", code=1)


def test_an_empty_folder_does_not_empty_a_site(shell: Shell, docs: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    shell("site", "create", "acme/docs", "--name", "Docs")
    shell("import", "acme/docs", docs)
    shell("import", "acme/docs", tmp_path / "empty", code=1)
    assert len(shell.json("page", "list", "acme/docs")) == 2
    assert shell.json("import", "acme/docs", tmp_path / "empty", "--allow-empty")["deleted"] == 2


def test_a_page_that_moves_in_case_only_is_moved(shell: Shell, docs: Path) -> None:
    shell("site", "create", "acme/docs", "--name", "Docs")
    shell("import", "acme/docs", docs)
    (docs / "guide/install.md").rename(docs / "guide/Install.md")
    counts = shell.json("import", "acme/docs", docs)
    assert (counts["problems"], counts["deleted"]) == ([], 0)
    paths = [page["path"] for page in shell.json("page", "list", "acme/docs", "--prefix", "/guide")]
    assert paths == ["/guide/Install"]


def test_pushing_sends_only_what_is_missing(shell: Shell, tmp_path: Path) -> None:
    shell("site", "create", "acme/app", "--name", "App", "--mode", "SelfManaged")
    folder = write(
        tmp_path / "app", {"index.html": "<h1>One</h1>", "css/a.css": "a{}", "copy.css": "a{}", ".env": "S=1"}
    )
    done = shell.json("push", "acme/app", folder)
    assert done == {"files": 3, "sent": 2, "bytes": 15, "unchanged": 0, "deleted": 0, "hidden": 1}
    assert ".env" in shell.err
    assert shell.json("push", "acme/app", folder)["sent"] == 0
    (folder / "copy.css").unlink()
    write(folder, {"index.html": "<h1>Two</h1>"})
    done = shell.json("push", "acme/app", folder)
    assert (done["sent"], done["unchanged"], done["deleted"]) == (1, 1, 1)
    assert shell.json("deploy", "acme/app")["status"] == "deployed"
    shell("export", "acme/app", "--format", "tar.gz", tmp_path / "app.tar.gz")
    with tarfile.open(tmp_path / "app.tar.gz") as archive:
        assert set(archive.getnames()) == {"index.html", "css/a.css"}


def test_a_push_of_a_folder_with_a_way_out_changes_nothing(shell: Shell, tmp_path: Path) -> None:
    shell("site", "create", "acme/app", "--name", "App", "--mode", "SelfManaged")
    folder = write(tmp_path / "app", {"index.html": "x"})
    (folder / "passwd").symlink_to("/etc/passwd")
    shell("push", "acme/app", folder, code=1)
    assert "passwd" in shell.err
    write(tmp_path / "big", {"index.html": "x", "big.bin": "x" * 1_048_577})
    shell("push", "acme/app", tmp_path / "big", code=1)
    assert "big.bin" in shell.err
    (tmp_path / "empty").mkdir()
    shell("push", "acme/app", tmp_path / "empty", code=1)
    assert shell.json("push", "acme/app", tmp_path / "empty", "--allow-empty")["files"] == 0


def test_a_site_of_the_other_mode_is_refused_with_the_right_command(shell: Shell, docs: Path) -> None:
    shell("site", "create", "acme/docs", "--name", "Docs")
    shell("push", "acme/docs", docs, code=2)
    assert "pubsite import acme/docs" in shell.err


def test_single_pages(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell("site", "create", "acme/docs", "--name", "Docs")
    file = tmp_path / "about.md"
    file.write_text("---\ntags: [x]\n---\n# About us\n")
    page = shell.json("page", "put", "acme/docs", "/about", file)
    assert page["config"] == {"title": "About us", "tags": ["x"], "format": "markdown", "content": "# About us\n"}
    assert "unchanged" in shell("page", "put", "acme/docs", "/about", file)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"<p>Hi</p>")))
    shell("page", "put", "acme/docs", "/", "-", "--format", "html", "--title", "Home")
    assert shell("page", "get", "acme/docs", "/") == "<p>Hi</p>\n"
    shell("page", "put", "acme/docs", "/old", "--redirect", "/about", "--status", 301)
    assert shell.json("page", "get", "acme/docs", "/old")["config"] == {"target": "/about", "status": 301}
    assert "→ /about" in shell("page", "list", "acme/docs")
    assert shell.json("page", "delete", "acme/docs", "/about/")["deleted"] is True
    shell("page", "get", "acme/docs", "/about", code=4)
    shell("page", "delete", "acme/docs", "/about", code=4)
    shell("page", "put", "acme/docs", "bad", file, code=1)
    shell("page", "put", "acme/docs", "/x", code=2)
    shell("page", "put", "acme/docs", "/x", "--page-config", "[1]", code=2)


def test_a_deployment_that_fails_names_its_problems(shell: Shell, tmp_path: Path) -> None:
    shell("site", "create", "acme/docs", "--name", "Docs")
    write(tmp_path / "docs", {"a.md": "# A", "a/index.html": "<!doctype html><title>x</title>", "a/x.html/y.txt": "z"})
    shell("page", "put", "acme/docs", "/a/x.html", "--page-config", '{"content": "<p>x</p>"}')
    shell("import", "acme/docs", tmp_path / "docs")
    record = shell.json("deploy", "acme/docs", code=1)
    assert record["status"] == "failed"
    assert record["stats"]["problems"][0]["path"] in shell.err
    assert "was not deployed" in shell.err


def test_sites_are_listed_shown_and_deleted(shell: Shell) -> None:
    shell("site", "create", "acme/one", "--name", "One", "--description", "First")
    assert "One" in shell("site", "list", "acme")
    assert [site["slug"] for site in shell.json("site", "list", "--as", "kim")] == ["one"]
    assert "First" in shell("site", "show", "acme/one")
    shell("site", "create", "acme/one", "--name", "Again", code=5)
    shell("site", "delete", "acme/one", code=2)
    assert shell.json("site", "delete", "acme/one", "--yes")["deleted"] is True
    shell("site", "show", "acme/one", code=4)
    shell("deploy", "acme/one", code=4)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["site", "show", "acme"], 2, "PUBLISHER/SLUG"),
        (["site", "show", "acme/Docs"], 2, "PUBLISHER/SLUG"),
        (["deploy", "acme/none"], 4, "no site acme/none"),
        (["deploy", "nobody/none"], 4, "publisher create nobody"),
        (["--as", "nobody", "site", "list"], 4, "No account nobody"),
        (["site", "list"], 1, "--as ACCOUNT"),
        (["nonsense"], 2, "nonsense"),
        (["deploy"], 2, "PUBLISHER/SLUG"),
        (["import", "acme/docs", "/does/not/exist"], 2, "does not exist"),
        (["account", "create", "kim"], 5, "kim"),
        (["account", "create", ""], 1, "name"),
        (["publisher", "create", "Bad Name", "--owner", "kim"], 1, "name"),
        (["publisher", "create", "other", "--owner", "nobody"], 4, "nobody"),
        (["member", "add", "acme", "kim", "--role", "King"], 2, "King"),
        (["token", "create", "nobody"], 4, "nobody"),
        (["token", "create", "kim", "--scopes", "everything"], 2, "--scopes"),
        (["site", "list", "--server", "ftp://x", "--token", "x"], 2, "--server"),
        (["site", "list", "--server", "http://127.0.0.1:1"], 2, "--token"),
        (["site", "list", "--server", "http://127.0.0.1:1", "--token", "x"], 3, "cannot be reached"),
        (["account", "list", "--server", "http://127.0.0.1:1", "--token", "x"], 2, "--server"),
        (["--set", "nonsense", "site", "list"], 2, "NAME=VALUE"),
    ],
)
def test_a_mistake_is_told_in_a_line_with_its_exit_code(shell: Shell, words: list[str], code: int, told: str) -> None:
    shell(*words, code=code)
    assert told in shell.err
    assert len(shell.err.splitlines()) == 1
    document = shell.json(*words, code=code)
    assert document["exit_code"] == code
    assert document["error"]["message"]


def test_a_configuration_that_is_missing_or_wrong_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PUBSITE_CONFIG", raising=False)
    assert main(["account", "list"]) == 1
    assert "development.ini" in capsys.readouterr().err
    for text, told in (
        ("[app:main]\npubsite.nonsense = 1\n", "nonsense"),
        ("no ini", "bad.ini"),
        ("[x]\n", "app:main"),
    ):
        (tmp_path / "bad.ini").write_text(text)
        assert main(["-c", "bad.ini", "account", "list"]) == 1
        assert told in capsys.readouterr().err


def test_global_options_stand_anywhere_and_the_environment_comes_last(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PUBSITE_CONFIG", "/does/not/exist.ini")
    assert main(["account", "list", "--json", "-c", str(shell.ini)]) == 0
    assert [account["name"] for account in json.loads(capsys.readouterr().out)] == ["kim"]
    assert main(["account", "list"]) == 1


def test_accounts_members_and_tokens(shell: Shell) -> None:
    made = shell.json("account", "create", "lou", "--email", "lou@example.com")
    assert set(made) == {"id", "name"}
    assert shell.json("publisher", "create", "other", "--owner", made["id"]).keys() == {"id", "name"}
    assert shell.json("member", "add", "acme", "lou", "--role", "editor")["role"] == "Editor"
    shell("site", "create", "acme/by-lou", "--name", "x", "--as", "lou")
    token = shell.json("token", "create", "lou", "--scopes", "read", "--days", 1)
    assert set(token) == {"token", "expires_at"}
    assert token["expires_at"].endswith("Z")
    shell("site", "create", "acme/no", "--name", "x", "--token", token["token"], code=1)
    assert "scopes" in shell.err
    assert shell("token", "create", "lou").strip().count(".") == 2


def test_a_deploy_that_takes_too_long_goes_on_and_says_so(shell: Shell) -> None:
    shell("site", "create", "acme/docs", "--name", "Docs")
    queued = shell.json("deploy", "acme/docs", "--no-wait")
    assert queued["status"] == "pending"
    shell("page", "put", "acme/docs", "/", "--page-config", '{"content": "<p>x</p>"}')
    record = shell.json("deploy", "acme/docs", "--timeout", 0, code=6)
    assert record["status"] in ("pending", "deploying")
    assert "goes on" in shell.err


def test_a_worker_process_runs_what_others_queue_and_ends_when_told(shell: Shell) -> None:
    shell("site", "create", "acme/docs", "--name", "Docs")
    shell("deploy", "acme/docs", "--no-wait")
    command = [sys.executable, "-c", "import sys; from pubsite.cli import main; sys.exit(main())"]
    worker = subprocess.Popen([*command, "-c", str(shell.ini), "worker"], stderr=subprocess.PIPE, cwd=ROOT)
    try:
        deadline = time.monotonic() + 60
        while shell.json("status", "acme/docs")["live"] is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    finally:
        worker.kill()
        worker.communicate()


@pytest.fixture
def serve(shell: Shell) -> Iterator[Callable[[], str]]:
    """Serves the shell's server on a socket, with its worker; answers its URL."""
    opened: list[tuple[Any, Any, threading.Thread]] = []

    def start() -> str:
        ini = {"pubsite.development": "true", "pubsite.data_dir": str(shell.ini.parent / "data")}
        app = pubsite.main({"__script__": "pserve"}, **ini)
        server = waitress.create_server(app, listen="127.0.0.1:0", threads=4, map={}, asyncore_use_poll=True)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        opened.append((server, app, thread))
        return f"http://127.0.0.1:{server.effective_port}"

    yield start
    for server, app, thread in opened:
        server.close()
        thread.join(5)
        app.close()


def test_the_same_commands_work_against_another_machine(
    shell: Shell, docs: Path, tmp_path: Path, serve: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = shell.json("token", "create", "kim")["token"]
    monkeypatch.setenv("PUBSITE_SERVER", serve())
    monkeypatch.setenv("PUBSITE_TOKEN", token)
    shell("site", "create", "acme/docs", "--name", "Docs")
    assert shell.json("import", "acme/docs", docs)["created"] == 2
    assert shell.json("deploy", "acme/docs")["status"] == "deployed"
    assert shell.json("deploy", "acme/docs")["unchanged"] is True
    assert shell.json("export", "acme/docs", "--format", "zip", tmp_path / "o.zip")["files"] > 2
    shell("site", "list", "acme", "--token", "wrong", code=1)
    assert "token create" in shell.err


def test_the_demo_can_be_made_again_and_again(shell: Shell) -> None:
    first = shell.json("demo")
    assert set(first) == {"api", "token", "publisher", "sites"}
    assert first["api"] == "http://localhost:7654"
    again = shell.json("demo")
    assert again["sites"] == first["sites"]
    by_slug = {site["slug"]: site for site in first["sites"]}
    assert by_slug["hello"]["url"] == "http://hello-demo.localhost:7654/"
    assert by_slug["hello"]["version"] == 1
    assert "curl" in shell("demo")
