"""The document's usage examples as they stand: curl's own bytes over a socket, to the host that they name.

Only the scheme, the id of the site and the token are replaced; on `/zone`, the prefix as well.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import waitress

from pubsite.gateway import Gateway
from tests.conftest import Server
from tests.documents.document import API, says
from tests.documents.world import World

HOST = "api.dyson.network"
EXAMPLE_ID = "123e4567-e89b-12d3-a456-426614174000"
BASE = f"https://{HOST}/api/sites/{EXAMPLE_ID}/files"
TOKEN = '-H "Authorization: Bearer YOUR_JWT_TOKEN"'
UPLOAD = f'curl -X POST "{BASE}/upload" \\\n{TOKEN} \\\n-F "filePath=index.html" \\\n-F "file=@./index.html"'
EDIT = (
    f'curl -X PUT "{BASE}/edit/index.html" \\\n{TOKEN} \\\n-H "Content-Type: application/json" \\\n'
    '-d \'{"new_content": "<!DOCTYPE html><html><body>Hello World</body></html>"}\''
)
LIST = f'curl -X GET "{BASE}?path=assets/css" \\\n{TOKEN}'
DOWNLOAD = f'curl -X GET "{BASE}/download/index.html" \\\n{TOKEN} \\\n-o downloaded_index.html'
INDEX = "<!DOCTYPE html>\n<p>Über uns</p>\n"


@pytest.fixture(scope="module")
def port(server: Server) -> Iterator[int]:
    """The port of a socket behind which the server answers for the documented host."""
    gateway = Gateway(
        server.app.api, server.app.hosting, api_hosts=[HOST], sites_domain="sites.invalid", close=lambda: None
    )
    options = {"threads": 1, "map": {}, "asyncore_use_poll": True, "asyncore_loop_timeout": 0.05}
    listening = waitress.create_server(gateway, listen="127.0.0.1:0", **options)
    thread = threading.Thread(target=listening.run, daemon=True)
    thread.start()
    yield listening.effective_port
    listening.close()
    thread.join(5)


class Curl:
    """A shell of somebody who follows the document, in a folder of their own."""

    def __init__(self, world: World, port: int, folder: Path, site_id: str) -> None:
        if shutil.which("curl") is None:
            pytest.skip("there is no curl")
        self.world, self.port, self.folder, self.site_id = world, port, folder, site_id

    def __call__(self, command: str) -> tuple[int, Any]:
        """The status and the JSON of a documented command."""
        token = self.world.editor.headers["Authorization"].removeprefix("Bearer ")
        command = command.replace("https://", "http://").replace(EXAMPLE_ID, self.site_id)
        command = command.replace("YOUR_JWT_TOKEN", token).replace("/api/", f"{self.world.prefix}/")
        words = shlex.split(command.replace("\\\n", " "))
        options = ["--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--write-out", "\\n%{http_code}"]
        redirected = ["--connect-to", f"{HOST}:80:127.0.0.1:{self.port}"]
        done = subprocess.run([*words, *options, *redirected], cwd=self.folder, capture_output=True, check=True)
        body, _, status = done.stdout.decode().rpartition("\n")
        return int(status), json.loads(body) if body else None

    def content(self, path: str) -> str:
        endpoint = "GET /api/sites/{siteId}/files/content/{relativePath}"
        return str(self.world.ask(endpoint, siteId=self.site_id, relativePath=path).json["content"])


@pytest.fixture
def curl(world: World, port: int, tmp_path: Path) -> Curl:
    (tmp_path / "index.html").write_text(INDEX)
    return Curl(world, port, tmp_path, world.files())


@says(API, f"Upload a file using curl\n{UPLOAD}")
def test_curl_uploads_a_file(curl: Curl) -> None:
    status, entry = curl(UPLOAD)
    assert (status, entry["relative_path"], entry["size"]) == (200, "index.html", len(INDEX.encode()))
    assert curl.content("index.html") == INDEX


@says(API, f"Update file content using curl\n{EDIT}")
def test_curl_updates_the_content_of_a_file(curl: Curl) -> None:
    assert curl(EDIT)[0] == 404
    curl(UPLOAD)
    assert curl(EDIT)[0] == 200
    assert curl.content("index.html") == "<!DOCTYPE html><html><body>Hello World</body></html>"


@says(API, f"List files in a subdirectory\n{LIST}")
def test_curl_lists_a_subdirectory(curl: Curl) -> None:
    assert curl(LIST)[0] == 404
    curl.world.upload(curl.site_id, "assets/css/site.css", b"body {}")
    status, entries = curl(LIST)
    assert (status, [entry["relative_path"] for entry in entries]) == (200, ["assets/css/site.css"])


@says(API, f"Download a file\n{DOWNLOAD}")
def test_curl_downloads_a_file(curl: Curl) -> None:
    curl(UPLOAD)
    assert curl(DOWNLOAD) == (200, None)
    assert (curl.folder / "downloaded_index.html").read_bytes() == INDEX.encode()
