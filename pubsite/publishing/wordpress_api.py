"""The REST API of a WordPress (wp/v2, since 5.6): its addresses, its answers, its refusals in plain words.

Answers may have PHP's warnings before their JSON, and lie at `?rest_route=` where the web server has no rewrite rules.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from pubsite.publishing.adapter import Connection
from pubsite.publishing.outcomes import Denied, Failing, Rejected, Unsure
from pubsite.publishing.wire import Reply

# A 500 that will be one next time as well: the database refuses what was sent, or the kind of file is not allowed.
PERMANENT = frozenset(
    {"db_insert_error", "db_update_error", "empty_term_name", "rest_upload_sideload_error", "rest_upload_unknown_error"}
)
SEE_NOBODY = (
    "WordPress does not see who is asking: the user name or the application password is wrong, or the web server in "
    "front of it does not hand on the Authorization header"
)
OFF = "Application passwords are switched off there (WordPress wants https for them; plugins may forbid them too)"
# Codes of a core that knows nobody, or that knows us and lets us do too little.
_RIGHTS = re.compile(r"rest_(cannot_\w+|forbidden\w*|not_logged_in|unauthorized|user_cannot_\w+)")
_START = re.compile(r"[{\[]")
MOST_STARTS = 50


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer, or one whose code the caller takes: `code` is "" for a good one. `data`: its JSON, if any."""

    status: int
    code: str
    data: Any


@dataclass(slots=True)
class Api:
    """One WordPress. `pretty`: whether /wp-json/ answers; found out at the first look."""

    connection: Connection
    pretty: bool = True
    _authorization: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        user, _, password = self.connection.secrets[0].partition(":")
        secret = f"{user}:{password.replace(' ', '')}"
        self._authorization = "Basic " + base64.b64encode(secret.encode()).decode()

    def get(self, route: str, *, take: Collection[str] = (), **params: str) -> Answer:
        """A look; `take`: WordPress's error codes that are an answer to the caller."""
        reply = self._call("GET", route, params, {}, b"", None)
        if self.pretty and reply.status == 404 and reply.headers.get("content-type", "").startswith("text/html"):
            # Not the API's own 404, which is JSON: there are no rewrite rules. Looks come before writes, always.
            self.pretty = False
            reply = self._call("GET", route, params, {}, b"", None)
        return self._taken("GET", reply, take)

    def post(self, route: str, document: Mapping[str, Any], *, take: Collection[str] = (), **params: str) -> Answer:
        return self._taken("POST", self._call("POST", route, params, {}, b"", document), take)

    def upload(self, name: str, media_type: str, body: bytes, take: Collection[str] = (), **params: str) -> Answer:
        """A file for the media library; `name`: plain ASCII."""
        headers = {"Content-Type": media_type, "Content-Disposition": f'attachment; filename="{name}"'}
        return self._taken("POST", self._call("POST", "/wp/v2/media", params, headers, body, None), take)

    def delete(self, route: str, *, take: Collection[str] = (), **params: str) -> Answer:
        return self._taken("DELETE", self._call("DELETE", route, params, {}, b"", None), take)

    def refusal(self, answer: Answer) -> Exception:
        """What an answer that was taken stands for after all."""
        message = _denied(answer.status, answer.code, _remark(answer.data))
        return Denied(self.connection.wire.redacted(message), http_status=answer.status)

    def _call(
        self,
        method: str,
        route: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        document: Mapping[str, Any] | None,
    ) -> Reply:
        sent = {**headers, "Authorization": self._authorization}
        url = self._url(route, params)
        return self.connection.wire.call(
            method, url, headers=sent, body=body, json_body=document, expect=range(300, 1000)
        )

    def _url(self, route: str, params: Mapping[str, str]) -> str:
        base = re.sub(r"(/wp-json|/wp-admin)?/*\Z", "", self.connection.base_url)
        query = urlencode(params, safe=",:")
        if self.pretty:
            return f"{base}/wp-json{route}" + (f"?{query}" if query else "")
        return f"{base}/?rest_route={quote(route)}" + (f"&{query}" if query else "")

    def _taken(self, method: str, reply: Reply, take: Collection[str]) -> Answer:
        found = _read(reply.body)
        if 200 <= reply.status < 300:
            if found is None:
                kind = Failing if method == "GET" else Unsure
                message = "The answer is not WordPress's: is base_url the address of the blog, and nothing in between?"
                raise kind(message, code="not_json", http_status=reply.status)
            return Answer(reply.status, "", found)
        said = found if isinstance(found, dict) else {}
        code = said["code"] if isinstance(said.get("code"), str) else ""
        if code and code in take:
            return Answer(reply.status, code, said)
        raise self._failure(method, reply, code, said)

    def _failure(self, method: str, reply: Reply, code: str, said: Mapping[str, Any]) -> Exception:
        """What an error stands for; `said`: WordPress's `{code, message, data}`, empty where somebody else answered."""
        wire, status, remark = self.connection.wire, reply.status, _remark(said)
        if status in (401, 403) or _is_forbidden_status(said):
            return Denied(wire.redacted(_denied(status, code, remark)), http_status=status)
        if code in PERMANENT:
            why = remark or "WordPress could not store it"
            return Rejected(wire.redacted(f"{why} ({code})"), http_status=status)
        if code == "rest_no_route":
            message = f"{remark} Does something keep its REST API back, or is this WordPress older than 5.6?"
            return Rejected(wire.redacted(message), code="no_route", http_status=status)
        return wire.failure(method, reply, remark=remark or None)


def _read(body: bytes) -> Any:
    """The JSON of an answer, from where it begins (PHP's warnings may stand before it); None: there is none."""
    text = body.decode("utf-8-sig", errors="replace")
    for number, start in enumerate(_START.finditer(text)):
        if number == MOST_STARTS:
            break
        try:
            found = json.loads(text[start.start() :], parse_constant=_no_constant)
        except (ValueError, RecursionError):
            continue
        return found
    return None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def plain(text: object) -> str:
    """HTML as text on one line; "" for what is no text."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split()) if isinstance(text, str) else ""


def _remark(said: Mapping[str, Any]) -> str:
    """The message, with what is wrong with each parameter."""
    data = said.get("data")
    params = data.get("params") if isinstance(data, dict) else None
    wrong = [f"{name}: {plain(why)}" for name, why in params.items()] if isinstance(params, dict) else []
    return " ".join([plain(said.get("message")), *wrong]).strip()


def _is_forbidden_status(said: Mapping[str, Any]) -> bool:
    """Whether it is a 400 that means 401 or 403: it does not let us ask for drafts."""
    data = said.get("data")
    details = data.get("details") if isinstance(data, dict) else None
    status = details.get("status") if isinstance(details, dict) else None
    return isinstance(status, dict) and status.get("code") == "rest_forbidden_status"


def _denied(status: int, code: str, remark: str) -> str:
    """A refusal in plain words; every code for which there is something better to say than what WordPress says."""
    if code in ("incorrect_password", "invalid_username", "invalid_email"):
        return f"The user name or the application password is wrong: {remark}"
    if code.startswith("application_passwords_disabled"):
        return OFF
    if _is_core(code) and status == 401:
        return SEE_NOBODY
    if _is_core(code) and status == 403:
        return f"The user may not do this there, an Editor or Administrator may: {remark}"
    if code == "rest_invalid_param":  # the status is in its details alone
        return f"{SEE_NOBODY}; or the user may not write there"
    if code:
        return f"The REST API is closed to us: {remark} ({code})"
    return f"It answered {status}, and not in WordPress's words: does a firewall or a password stand before it?"


def _is_core(code: str) -> bool:
    return _RIGHTS.fullmatch(code) is not None
