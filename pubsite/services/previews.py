"""One page as it would look in its site, with nothing stored."""

from __future__ import annotations

from sqlalchemy.orm import Session

from pubsite.build.collect import collect
from pubsite.build.pool import RendererPool
from pubsite.build.preview import Preview, preview
from pubsite.build.snapshot import PageSource
from pubsite.models import Site, now
from pubsite.models.drafts import Draft


def of_draft(db: Session, renderers: RendererPool, site: Site, draft: Draft) -> Preview:
    """The page, whether it is published or not, among the published pages of its site; `db` only reads."""
    config = {key: value for key, value in draft.config.items() if key != "content"}
    source = PageSource("", draft.path, 0, config, str(draft.config.get("content", "")))
    return preview(collect(db, site.id, now()).snapshot, source, renderers)
