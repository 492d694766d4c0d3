"""Around every API request: its id, its limits, its log line, security headers; and waiting outside the transaction."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from pyramid.config import Configurator
from pyramid.registry import Registry
from pyramid.request import Request
from pyramid.response import Response
from pyramid.tweens import INGRESS

from pubsite.api.errors import domain_error_response, error_response
from pubsite.errors import PubsiteError, Unavailable
from pubsite.security import Identity

log = logging.getLogger(__name__)
access = logging.getLogger("pubsite.access")
audit = logging.getLogger("pubsite.audit")
READING = frozenset({"GET", "HEAD", "OPTIONS"})
Handler = Callable[[Request], Response]
MOST_PARAMETERS = 100


def request_id(request: Request) -> str:
    """The name that the gateway gave this request."""
    return str(request.environ["pubsite.request_id"])


def outermost_tween(handler: Handler, registry: Registry) -> Handler:
    """Refuse bodies and queries over the limit, name the request, write one log line."""
    max_body = registry.settings_of_pubsite.max_body_size

    def tween(request: Request) -> Response:
        started = time.perf_counter()
        if (request.content_length or 0) > max_body:
            response = error_response(request, 413, f"The body is over {max_body} bytes")
        elif request.environ.get("QUERY_STRING", "").count("&") >= MOST_PARAMETERS:
            response = error_response(request, 400, f"The query has over {MOST_PARAMETERS} parameters")
        else:
            response = handler(request)
        response.headers["X-Request-Id"] = request.request_id
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        milliseconds = (time.perf_counter() - started) * 1000
        access.info(
            "%s %s %d %.1fms id=%s",
            request.method,
            _printable(request.environ.get("PATH_INFO", "")),
            response.status_code,
            milliseconds,
            request.request_id,
        )
        _audit(request, response)
        return response

    return tween


def _audit(request: Request, response: Response) -> None:
    """A line for each write of an account that is staff, wherever its roles let it write."""
    identity: Identity | None = vars(request).get("pubsite_identity")  # where nobody asked, nothing is looked up
    if identity is None or not identity.is_staff or request.method in READING or response.status_code >= 400:
        return
    path = _printable(request.environ.get("PATH_INFO", ""))
    audit.info("staff %s: %s %s %d id=%s", identity.account_id, request.method, path, response.status_code,
               request.request_id)  # fmt: skip


def _printable(path: str) -> str:
    return path[:200].encode("unicode_escape").decode("ascii")


def waiting_tween(handler: Handler, registry: Registry) -> Handler:
    """Let a handler's answer wait for what it started, once its transaction is committed.

    A handler sets `request.wait_for`, and `wait_seconds` for the answer's header; on at most `wait_slots` threads at
    once it is called here, and its result is the answer. When all slots are taken, the handler's own goes out at once,
    or 503 where the handler set `must_wait`: it has none.
    """
    slots = threading.Semaphore(registry.settings_of_pubsite.wait_slots)

    def tween(request: Request) -> Response:
        response = handler(request)
        wait_for: Callable[[], dict[str, Any]] | None = getattr(request, "wait_for", None)
        if wait_for is None or response.status_code >= 400:
            return response
        must_wait = getattr(request, "must_wait", False)
        if not slots.acquire(blocking=False):
            return _try_again(request) if must_wait else response
        try:
            body = json.dumps(wait_for(), ensure_ascii=False, allow_nan=False).encode()
        except PubsiteError as error:
            if not must_wait:
                raise
            return domain_error_response(request, error)
        except Exception:  # what was asked for is committed: its answer stands, whatever keeps us from looking again
            if must_wait:
                raise
            log.warning("could not wait", exc_info=True)
            return response
        finally:
            slots.release()
        if not must_wait:
            response.headers["Preference-Applied"] = f"wait={request.wait_seconds}"
        response.body = body
        return response

    return tween


def _try_again(request: Request) -> Response:
    error = Unavailable("Others are waiting for the same kind of answer; try again", retry_after=2)
    return domain_error_response(request, error)


def includeme(config: Configurator) -> None:
    config.add_request_method(request_id, reify=True)
    config.add_tween("pubsite.tweens.outermost_tween", under=INGRESS)
    config.add_tween(
        "pubsite.tweens.waiting_tween", under="pubsite.tweens.outermost_tween", over="pyramid_tm.tm_tween_factory"
    )
