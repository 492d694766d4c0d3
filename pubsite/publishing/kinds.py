"""Every kind of destination that there is. Another one: a file with its `KIND`, imported here, and its line below."""

from __future__ import annotations

from pubsite.publishing import ghost, s3, site, webhook, wordpress
from pubsite.publishing.adapter import Kind

_ALL: tuple[Kind, ...] = (ghost.KIND, s3.KIND, site.KIND, webhook.KIND, wordpress.KIND)
KINDS = {kind.name: kind for kind in _ALL}
