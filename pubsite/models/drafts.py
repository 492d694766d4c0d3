"""A page as somebody wants it to be, and all that may be wrong with it. Needs no I/O."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from pubsite.errors import FieldError
from pubsite.models.base import same_json
from pubsite.models.pages import PageType
from pubsite.models.paths import REDIRECT_STATUSES, page_path_problem, redirect_target_problem
from pubsite.models.sites import Mode

CONFIG_BYTES = 1_048_576
# Other spellings of a key, by page type.
ALIASES = {PageType.HtmlPage: ("html", "content"), PageType.Redirect: ("url", "target")}


class Unsaid(Enum):
    """What a draft says nothing of: a page that is there stays as it is."""

    UNSAID = "unsaid"


UNSAID = Unsaid.UNSAID


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A page as it shall be. Two are equal when they are as JSON, where `true` is not 1."""

    path: str
    config: dict[str, Any]
    type: str = PageType.HtmlPage
    sector_id: uuid.UUID | Unsaid | None = UNSAID

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Draft):
            return NotImplemented
        mine, others = ((d.path, d.type, d.sector_id) for d in (self, other))
        return mine == others and same_json(self.config, other.config)

    __hash__ = None  # type: ignore[assignment]  # its config can be any JSON

    @property
    def named_sector(self) -> uuid.UUID | None:
        """The sector that it asks for, if it asks for one."""
        return None if self.sector_id is UNSAID else self.sector_id

    def of_page_in(self, sector_id: uuid.UUID | None) -> Draft:
        """The draft of a page that is in that sector (None: in none): there it stays, if nothing else is said."""
        return replace(self, sector_id=sector_id) if self.sector_id is UNSAID else self

    def resolved(self) -> Draft:
        """With aliases of config keys under their own names."""
        alias, name = ALIASES[PageType(self.type)]
        if alias not in self.config or name in self.config:
            return self
        return replace(self, config={name if key == alias else key: value for key, value in self.config.items()})

    def problems(self, mode: str) -> list[FieldError]:
        """Everything that is wrong with it in a site of that mode; names as in a body."""
        found = [("path", page_path_problem(self.path))]
        if mode == Mode.SelfManaged and self.type != PageType.Redirect:
            found.append(("type", "must be Redirect: the pages of a SelfManaged site are its files"))
        if self.type == PageType.Redirect:
            alias, name = ALIASES[PageType.Redirect]
            sent = alias if alias in self.config and name not in self.config else name
            found.append((f"config.{sent}", redirect_target_problem(self.config.get(sent))))
            if self.config.get("status", 302) not in REDIRECT_STATUSES:
                found.append(("config.status", f"must be one of {', '.join(map(str, REDIRECT_STATUSES))}"))
        if len(json.dumps(self.config, ensure_ascii=False).encode()) > CONFIG_BYTES:
            found.append(("config", f"must have at most {CONFIG_BYTES} bytes as JSON"))
        return [FieldError("body", name, problem) for name, problem in found if problem is not None]
