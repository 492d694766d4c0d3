"""`Idempotency-Key`: a write that is sent again gets the answer of the first time, and is not done again.

A key is an account's, on one route. Refused requests leave no trace: their key can be used again. A repeat needs the
same rights as the first time, those of its own token.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from pyramid.request import Request

from pubsite.errors import Conflict, Invalid, KeyReused
from pubsite.models import IdempotencyKey
from pubsite.security import require_identity
from pubsite.services import idempotency

HEADER = "Idempotency-Key"
METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z")


def answer_once(
    request: Request,
    route: str,
    handler: Callable[[Request], Any],
    recheck: Callable[[Request], object] | None = None,
) -> Any:
    """The handler's answer, or that of the request's first time.

    A handler that shows a secret once sets `request.secret_of` to its object's id: such an answer is not kept.
    recheck: raises what the handler would, for whoever may not (any more) do that.
    """
    key = request.headers[HEADER]
    if not _KEY.match(key):
        raise Invalid.field(HEADER, "must be 1 to 255 printable ASCII characters", location="header")
    account_id = require_identity(request).account_id
    row, is_new = idempotency.begin(request.db, account_id, route, key, _digest(request))
    if not is_new:
        if recheck is not None:
            recheck(request)
        return _again(request, row)
    answer = handler(request)
    subject_id = getattr(request, "secret_of", None)
    kept = isinstance(answer, dict | list) and subject_id is None
    text = json.dumps(answer, ensure_ascii=False) if kept else None
    idempotency.keep(request.db, row, status=request.response.status_code, answer=text, subject_id=subject_id)
    return answer


def was_deleted(request: Request, route: str, scope: str) -> bool:
    """Whether a DELETE that finds nothing is the repeat of the one that removed it: for the same account and key.

    Who has lost the role since then learns nothing by it; the token at hand must have the scope all the same.
    """
    identity, key = request.pubsite_identity, request.headers.get(HEADER, "")
    if request.method != "DELETE" or identity is None or scope not in identity.scopes or not _KEY.match(key):
        return False
    row = idempotency.find(request.db, identity.account_id, route, key)
    return row is not None and row.status == 204 and row.digest == _digest(request)


def _again(request: Request, row: IdempotencyKey) -> Any:
    if row.digest != _digest(request):
        raise KeyReused(f"The {HEADER} was used for another request")
    request.response.headers["Idempotent-Replayed"] = "true"
    if row.status == 204:
        request.response.status_code = 204
        return None
    if row.answer is None:
        raise Conflict("This was done already; what it answered is not kept", subject_id=row.subject_id)
    request.response.status_code = row.status
    return json.loads(row.answer)


def _digest(request: Request) -> str:
    """What makes two requests the same: path, query, media type and body."""
    parts = (request.environ["PATH_INFO"], request.query_string, request.headers.get("Content-Type", ""))
    digest = hashlib.sha256("\n".join(parts).encode(errors="surrogateescape"))
    digest.update(request.body)
    return digest.hexdigest()
