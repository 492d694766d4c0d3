"""Redirects of a site: Redirect pages, aliases of pages, and the simple ones of `config.redirects`.

Loops are errors, chains and targets that lead nowhere are warnings; what cannot be served is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pubsite.build.nav import Node
from pubsite.build.options import Options
from pubsite.build.snapshot import RedirectSource
from pubsite.build.urls import internal_path
from pubsite.errors import Problem

_STATUSES = (301, 302, 303, 307, 308)
_TARGET = re.compile(r"(?:/(?![/\\])|https?://)[^\s\\\x00-\x1f\x7f]*\Z")


@dataclass(frozen=True, slots=True)
class Redirect:
    """One redirect; `owner` tells people where it stands. A `yielding` one gives way to an output at its path."""

    path: str
    target: str
    status: int
    owner: str
    yielding: bool = False


def gather(
    sources: Iterable[RedirectSource], nodes: Iterable[Node], options: Options
) -> tuple[list[Redirect], list[Problem]]:
    """All redirects, in the order of pages, aliases, config; and what of them cannot be obeyed."""
    redirects, problems = [], []
    for source in sources:
        redirects.append(Redirect(_bare(source.path), source.target, source.status, f"redirect {source.path}"))
    for node in nodes:
        for alias in _aliases(node):
            if isinstance(alias, str) and alias.startswith("/") and not alias.startswith("//"):
                redirects.append(Redirect(_bare(alias), node.url, 301, f"alias {alias} of page {node.path}"))
            else:
                problems.append(Problem("warn", node.path, "bad_alias", f"alias {alias!r} is not a path"))
    for rule in options.redirects:
        if (reason := _not_supported(rule)) is None:
            path, target = str(rule["from"]), str(rule["to"])
            owner = f"config.redirects from {path}"
            redirects.append(Redirect(_bare(path), target, rule.get("status", 301), owner, not rule.get("force")))
        else:
            message = f"redirect from {rule.get('from')!r} is left out: {reason}"
            problems.append(Problem("warn", str(rule.get("from", "")), "redirect_not_supported", message))
    return redirects, problems


def check(redirects: Mapping[str, Redirect], leads_to_file: Callable[[str], bool], origin: str) -> list[Problem]:
    """Loops, chains and dead ends among the redirects by path."""
    following = {path: _next(redirect, redirects, leads_to_file, origin) for path, redirect in redirects.items()}
    looping = _loops(following)
    problems = []
    for path, redirect in sorted(redirects.items()):
        step = following[path]
        if path in looping:
            message = f"{redirect.owner} leads back to itself, by way of {redirect.target}"
            problems.append(Problem("error", path, "redirect_loop", message))
        elif step is None:
            message = f"{redirect.owner} leads to {redirect.target}, where nothing is"
            problems.append(Problem("warn", path, "broken_redirect", message))
        elif step in redirects:
            message = f"{redirect.owner} leads to another redirect, {redirect.target}"
            problems.append(Problem("warn", path, "redirect_chain", message))
    return problems


def _next(
    redirect: Redirect, redirects: Mapping[str, Redirect], leads_to_file: Callable[[str], bool], origin: str
) -> str | None:
    """The redirect that follows; "" when the way ends well, None when it ends nowhere."""
    target = internal_path(redirect.target, "/", origin)
    if target is None or leads_to_file(target):
        return ""
    return _bare(target) if _bare(target) in redirects else None


def _loops(following: Mapping[str, str | None]) -> set[str]:
    """The paths that lie on a loop; each path is walked once."""
    looping: set[str] = set()
    walked: set[str] = set()
    for start in following:
        trail: dict[str, None] = {}
        path: str | None = start
        while path and path not in walked:
            walked.add(path)
            trail[path] = None
            path = following.get(path)
        if path in trail:
            steps = list(trail)
            looping.update(steps[steps.index(path) :])
    return looping


def _aliases(node: Node) -> list[Any]:
    aliases = node.source.config.get("aliases") if node.source else None
    if isinstance(aliases, str):
        return [aliases]
    return list(aliases) if isinstance(aliases, (list, tuple)) else []


def _not_supported(rule: Mapping[str, Any]) -> str | None:
    path, target = rule.get("from"), rule.get("to")
    if not isinstance(path, str) or not isinstance(target, str) or not path.startswith("/"):
        return "`from` and `to` must be given, and `from` be a path"
    if "*" in path or "/:" in path or ":splat" in target:
        return "placeholders are not supported yet"
    if rule.get("query") or rule.get("language"):
        return "conditions on query or language are not supported yet"
    if rule.get("status", 301) not in _STATUSES:
        return f"status {rule['status']} is not supported yet"
    return None if _TARGET.match(target) else "`to` is neither a path nor an http or https address"


def _bare(path: str) -> str:
    return path.rstrip("/") or "/"
