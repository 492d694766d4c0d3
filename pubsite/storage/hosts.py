"""Hosts: which site a label of the sites domain shows, and whether it is on the air."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from threading import Lock
from typing import Literal, Protocol

from pubsite.errors import Conflict, Invalid, NotFound

HostState = Literal["on", "off"]

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Host:
    label: str
    site: str
    state: HostState


class Hosts(Protocol):
    def get(self, label: str) -> Host | None: ...

    def bind(self, label: str, site: str) -> None:
        """Give a label to a site, switched on. Again for the same site: nothing. Another's label raises Conflict."""
        ...

    def set_state(self, label: str, state: HostState) -> None:
        """Raises NotFound where nobody has the label."""
        ...

    def remove(self, label: str) -> None: ...


class MemoryHosts:
    """Hosts that end with their process."""

    def __init__(self) -> None:
        self._hosts: dict[str, Host] = {}
        self._lock = Lock()

    def get(self, label: str) -> Host | None:
        return self._hosts.get(label)

    def bind(self, label: str, site: str) -> None:
        check_label(label)
        with self._lock:
            if self._hosts.setdefault(label, Host(label, site, "on")).site != site:
                raise label_taken(label)

    def set_state(self, label: str, state: HostState) -> None:
        with self._lock:
            if label not in self._hosts:
                raise label_unknown(label)
            self._hosts[label] = replace(self._hosts[label], state=state)

    def remove(self, label: str) -> None:
        with self._lock:
            self._hosts.pop(label, None)


def check_label(label: str) -> None:
    """Raise Invalid for what cannot be one label of a host name."""
    if not _LABEL.fullmatch(label):
        raise Invalid.field("host_label", f"{label!r} is not a host label")


def label_taken(label: str) -> Conflict:
    return Conflict(f"the host label {label} is taken", code="host_label_taken")


def label_unknown(label: str) -> NotFound:
    return NotFound(f"no site has the host label {label}")
