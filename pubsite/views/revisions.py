"""The revisions of a page: `/api/sites/pages/{page_id}/revisions`, `…/{number}` and `…/{number}/restore`."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from pubsite import contexts
from pubsite.api import Service
from pubsite.api.paging import Paged, paged
from pubsite.errors import NotFound
from pubsite.models import PageRevision
from pubsite.schema import many
from pubsite.security import Permission
from pubsite.services import revisions
from pubsite.views.page_objects import PageObject, RevisionObject, revision_json
from pubsite.views.pages import page_answer, require_page_match

LARGEST_NUMBER = 2**31 - 1
BASE = "/api/sites/pages/{page_id}/revisions"

collection = Service("revisions", BASE, contexts.page_of_member)
one = Service("revision", f"{BASE}/{{number:[0-9]{{1,10}}}}", contexts.page_of_member)
restored = Service("revision.restore", f"{BASE}/{{number:[0-9]{{1,10}}}}/restore", contexts.page_of_member)


@collection.on("GET", permission=Permission.READ, query=Paged(), answer=many(RevisionObject()))
def list_revisions(request: Request) -> list[dict[str, Any]]:
    """The revisions of a page, without their content, the first one first."""
    page = request.context.page
    rows = paged(
        request,
        lambda part: revisions.list_of_page(request.db, page, part),
        key=lambda revision: (revision.number,),
        parse=(_number,),
    )
    return [revision_json(revision, whole=False) for revision in rows]


@one.on("GET", permission=Permission.READ, answer=RevisionObject())
def get(request: Request) -> dict[str, Any]:
    """A page as one revision left it."""
    return revision_json(_named(request))


@restored.on("POST", permission=Permission.WRITE, answer=PageObject(), conflicts=True, tagged=True)
def restore(request: Request) -> Any:
    """Bring a revision back, as a new one."""
    require_page_match(request)
    context, account_id = request.context, request.pubsite_identity.account_id
    return page_answer(request, revisions.restore(request.db, context.site, context.page, account_id, _named(request)))


def _named(request: Request) -> PageRevision:
    number = int(request.matchdict["number"])
    if number > LARGEST_NUMBER:
        raise NotFound("Revision not found")
    return revisions.find(request.db, request.context.page, number)


def _number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else -1
    if not 0 <= number <= LARGEST_NUMBER:
        raise ValueError("no number of a revision")
    return number


def includeme(config: Configurator) -> None:
    for service in (collection, one, restored):
        config.add_cornice_service(service)
