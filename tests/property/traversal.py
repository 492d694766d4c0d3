"""Forms of paths that try to leave a tree, and every place of the server that takes a path. Deterministic.

Each form comes twice: with a target that exists on this machine, and with one of the same length that does not.
"""

from __future__ import annotations

import io
import itertools
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_from_bytes

from pubsite.errors import Invalid
from pubsite.services.files import Limits
from pubsite.services.unpacking import unpack
from tests.api.test_archives import raw_entry, raw_zip, tar_of
from tests.conftest import API_HOST, Tenant

DOTS = (
    *(
        "..",
        ".",
        "...",
        "....",
        "%2e%2e",
        "%252e%252e",
        "%25252e%25252e",
        ".%2e",
        "%2e.",
        "%c0%ae%c0%ae",
        "%u002e%u002e",
    ),
    *(
        "\udcc0\udcae\udcc0\udcae",
        "\udce0\udc80\udcae.",
        "%e0%80%ae%e0%80%ae",
        "\uff0e\uff0e",
        "\u2024\u2024",
        "\u2025",
    ),
    *(
        "..;",
        "..;x",
        "..%00",
        "..\0",
        "..%01",
        ". .",
        ".. ",
        " ..",
        "..\u200b",
        "..\ufeff",
        "..%20",
        "..\t",
        "..\n",
        "..~",
    ),
)
SLASHES = (
    *("/", "\\", "%2f", "%5c", "%252f", "%255c", "//", "/./", "\\/", "/\\", ";/", "%c0%af", "%c1%9c", "%ef%bc%8f"),
    *(
        "\udcc0\udcaf",
        "\u2215",
        "\u2044",
        "\uff0f",
        "\uff3c",
        "\u29f5",
        "\t/",
        "%00/",
        "\0/",
        "%0a/",
        "/;x/",
        "?/",
        "#/",
    ),
)
PREFIXES = (
    "",
    "/",
    "//",
    "\\\\",
    "C:",
    "C:\\",
    "c:/",
    "//server/share/",
    "\\\\?\\C:\\",
    "file://",
    "~/",
    "a/",
    "./",
    "%2f",
)
SPECIAL = (
    *(
        "{}::$DATA",
        "{}:stream",
        "a/../{}",
        "a/b/../../../{}",
        "{}\0",
        "{}%00.html",
        "{}\0.html",
        "{}/.",
        "{}/..",
        "{}.",
    ),
    *(
        "{} ",
        "{}~",
        "con/{}",
        "nul/{}",
        "{}/aux.txt",
        "COM1/{}",
        ".git/{}",
        ".GIT/{}",
        ".g\u200cit/{}",
        "git~1/{}",
        "{}/.git/x",
    ),
    *(
        "\uff0egit/{}",
        ".git /{}",
        ".git./{}",
        "/proc/self/root/{}",
        "/proc/self/cwd/{}",
        "/dev/fd/0/{}",
        "${{HOME}}/{}",
    ),
    *(
        "$(id)/{}",
        "`id`/{}",
        "{}|id",
        "*/{}",
        "?/{}",
        "[a-z]/{}",
        "{{a,b}}/{}",
        "{}\r\nX: y",
        "\x1b[2J{}",
        "\u202e{}",
        "{}\ud800",
    ),
)

_OF_THIS_ANSWER = re.compile(r'"(request_id|modified|id|[a-z]+_at)": "[^"]*"|X-Request-Id: \S+|[0-9a-f]{32,64}')


def templates() -> list[str]:
    """Each with one `{}` or none, where the target goes; all different."""
    found: dict[str, None] = {}
    for number, (dots, slash) in enumerate(itertools.product(DOTS, SLASHES)):
        found[_literal((dots + slash) * (1 + 5 * (number % 2))) + "{}"] = None
    for prefix, dots in itertools.product(PREFIXES, DOTS[:14]):
        found[_literal(prefix + (dots + "/") * 8) + "{}"] = None
    for depth, prefix in itertools.product((1, 30, 400, 1400), PREFIXES):
        found[_literal(prefix + "../" * depth) + "{}"] = None
    for template in SPECIAL:
        found[template] = None
    return list(found)


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def raw(form: str) -> bytes:
    """The bytes of a form; a lone half of a surrogate stands for a byte that is no UTF-8."""
    return form.encode(
        "utf-8", "surrogateescape" if not re.search("[\ud800-\udc7f\udd00-\udfff]", form) else "surrogatepass"
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `text` holds all of it, headers too."""

    status: int
    text: str

    def without(self, *names: str) -> str:
        """The text with the names of targets, and what differs between any two answers, taken out."""
        text = re.sub(
            r'"(request_id|modified|id|created_at|updated_at)": "[^"]*"|X-Request-Id: \S+|[0-9a-f]{32,64}',
            "",
            self.text,
        )
        for name in names:
            text = text.replace(name, "T")
        return text


class Places:
    """A tenant's sites, and the places of the server that take a path. Each is a function of a form."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._raw = tenant.site("raw", "SelfManaged")
        self._docs = tenant.site("docs")
        self._base = f"/api/sites/{self._raw['id']}/files"
        tenant.client.upload(f"{self._base}/upload", "index.html", b"<h1>home</h1>", status=200)
        tenant.client.upload(f"{self._base}/upload", "a/b", b"file", status=200)
        tenant.page("docs", "/", "<p>home</p>")
        assert tenant.deploy(self._raw["id"])["status"] == "deployed"
        self._host = f"{self._raw['host_label']}.{API_HOST}"

    def quick(self) -> dict[str, Callable[[str], Answer]]:
        """Those that cost so little that every form goes through them."""
        return {"zip": self.zip, "tar": self.tar, "hosting": self.hosting, "hosting of a folder": self.hosting_below}

    def slow(self) -> dict[str, Callable[[str], Answer]]:
        """Requests to the API, of some milliseconds each."""
        of_page = f"publisher={self._tenant.name}&path=/".encode()
        return {
            "list": lambda form: self._ask("GET", self._base, query=b"path=" + quoted(form)),
            "content": lambda form: self._ask("GET", self._base + "/content/", form),
            "download": lambda form: self._ask("GET", self._base + "/download/", form),
            "edit": lambda form: self._ask("PUT", self._base + "/edit/", form, body={"new_content": "x"}),
            "delete": lambda form: self._ask("DELETE", self._base + "/delete/", form),
            "upload": self.upload,
            "folder": lambda form: self._ask("POST", self._base + "/folder", body={"path": form}),
            "move from": lambda form: self.move(form, "to", back="to"),
            "move to": lambda form: self.move("a/b", form, back=form),
            "sync": lambda form: self._ask("POST", self._base + "/sync", body={"files": {form: "0" * 64}}),
            "page": lambda form: self._ask("POST", f"{self._pages}", body={"path": f"/{form}", "config": {}}),
            "rendered page": lambda form: self._ask("GET", "/api/sites/site/docs/page", query=of_page + quoted(form)),
        }

    @property
    def _pages(self) -> str:
        return f"/api/sites/{self._tenant.name}/docs/pages"

    def move(self, source: str, target: str, *, back: str) -> Answer:
        """Move, and where that was done move back from there."""
        answer = self._ask("POST", self._base + "/move", body={"from": source, "to": target})
        if answer.status == 200:
            assert self._ask("POST", self._base + "/move", body={"from": back, "to": source}).status == 200
        return answer

    def upload(self, form: str) -> Answer:
        head = b'--b\r\nContent-Disposition: form-data; name="filePath"\r\n\r\n%s\r\n' % raw(form)
        file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\nx\r\n--b--\r\n' % b"x"
        content_type = "multipart/form-data; boundary=b"
        return self._ask("POST", self._base + "/upload", raw_body=head + file, content_type=content_type)

    def zip(self, form: str) -> Answer:
        return _unpacked(raw_zip(raw_entry("first"), raw_entry(raw(form).decode("latin-1"))))

    def tar(self, form: str) -> Answer:
        try:
            return _unpacked(tar_of({"first": b"x", form: b"y"}))
        except UnicodeEncodeError:
            return Answer(400, "no tar can hold that name")

    def hosting(self, form: str) -> Answer:
        return self._visit("/", form)

    def hosting_below(self, form: str) -> Answer:
        return self._visit("/a/", form)

    def _visit(self, start: str, form: str) -> Answer:
        return self._call(
            {"REQUEST_METHOD": "GET", "HTTP_HOST": self._host, "PATH_INFO": start + raw(form).decode("latin-1")}
        )

    def _ask(
        self,
        method: str,
        path: str,
        form: str = "",
        *,
        query: bytes = b"",
        body: Any = None,
        raw_body: bytes = b"",
        content_type: str = "application/json",
    ) -> Answer:
        sent = json.dumps(body).encode() if body is not None else raw_body
        environ = {
            "REQUEST_METHOD": method,
            "HTTP_HOST": API_HOST,
            "HTTP_AUTHORIZATION": self._tenant.client.headers["Authorization"],
            "PATH_INFO": path + raw(form).decode("latin-1"),
            "QUERY_STRING": query.decode("latin-1"),
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(sent)),
            "wsgi.input": io.BytesIO(sent),
        }
        return self._call(environ)

    def _call(self, environ: dict[str, Any]) -> Answer:
        heads: list[str] = []

        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> Callable[[bytes], object]:
            heads.extend([status, *(f"{name}: {value}" for name, value in headers)])
            return heads.append  # type: ignore[return-value]  # nothing writes this way

        defaults = {
            **{"SCRIPT_NAME": "", "QUERY_STRING": "", "SERVER_NAME": "localhost", "SERVER_PORT": "6543"},
            **{"SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO()},
            **{"wsgi.version": (1, 0), "wsgi.errors": sys.stderr},
            **{"wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False},
        }
        parts = self._tenant.server.app({**defaults, **environ}, start)
        body = b"".join(parts)
        if hasattr(parts, "close"):
            parts.close()
        return Answer(int(heads[0][:3]), "\n".join([*heads, body.decode(errors="replace")]))


def quoted(form: str) -> bytes:
    return quote_from_bytes(raw(form)).encode()


def _unpacked(archive: bytes) -> Answer:
    try:
        tree = unpack(archive, Limits(1000, 10_000), smart=False)
    except Invalid as error:
        return Answer(400, f"{error.message} {error.errors}")
    return Answer(200, json.dumps(sorted(tree.bodies)))


def pairs(targets: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str, str, str]]:
    """(form of what exists, form of what does not, and the two targets) of every template and pair of targets."""
    for number, template in enumerate(templates()):
        there, missing = targets[number % len(targets)]
        yield template.format(there), template.format(missing), there, missing
