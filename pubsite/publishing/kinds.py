"""Every kind of destination that there is. Another one: a file with its `KIND`, imported here, and its line below."""

from __future__ import annotations

from pubsite.publishing import webhook, wordpress
from pubsite.publishing.adapter import Kind

_ALL: tuple[Kind, ...] = (webhook.KIND, wordpress.KIND)
KINDS = {kind.name: kind for kind in _ALL}
