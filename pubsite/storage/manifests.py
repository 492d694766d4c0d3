"""Manifests: path → entry of a built site, as content-addressed chunks of canonical JSON. The bundle's format.

A chunk of up to 64 entries is a leaf; above that it has a child for each next hex digit of sha256(path). So the shape
depends on the set of entries alone, one changed page changes one leaf and the few chunks above it, and a lookup loads
only the chunks on its way. The digest of the root object, which names routing and totals, is the bundle's digest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Literal, TypeAlias

from pubsite.errors import Unavailable
from pubsite.storage.cache import Lru
from pubsite.storage.objects import ObjectStore, digest_of

# Stands in an output for the origin of whoever serves or exports it: a bundle knows no host.
ORIGIN_TOKEN = "https://origin.invalid"

_FORMAT = 1
_LEAF_ENTRIES = 64
_FINGERPRINTED, _ORIGIN = 1, 2

REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})

TrailingSlash = Literal["always", "never", "ignore"]


@dataclass(frozen=True, slots=True)
class FileEntry:
    """An output. `fingerprinted`: its path names its content, so it never changes. `origin`: holds ORIGIN_TOKEN."""

    digest: str
    size: int
    media_type: str
    fingerprinted: bool = False
    origin: bool = False


@dataclass(frozen=True, slots=True)
class RedirectEntry:
    """`target` as it is to be sent: `/path` or an absolute URL. The entry's path has no trailing slash, but for `/`."""

    target: str
    status: int


Entry: TypeAlias = FileEntry | RedirectEntry


@dataclass(frozen=True, slots=True)
class Routing:
    trailing_slash: TrailingSlash = "always"
    not_found: str = "/404.html"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A written manifest: its digest, and how many files, redirects and bytes of files it names."""

    digest: str
    files: int
    redirects: int
    bytes: int


def write_manifest(objects: ObjectStore, entries: Mapping[str, Entry], routing: Routing) -> Bundle:
    """Write the manifest of `entries` (output path, beginning with "/", → entry). The objects must be put already."""
    for path, entry in entries.items():
        _check(path, entry)
    keyed = sorted((_path_key(path), path) for path in entries)
    bodies: list[bytes] = []
    tree = _write_node(keyed, 0, entries, bodies)
    sizes = [entry.size for entry in entries.values() if isinstance(entry, FileEntry)]
    redirects = len(entries) - len(sizes)
    root = {
        "format": _FORMAT,
        "routing": asdict(routing),
        "files": len(sizes),
        "redirects": redirects,
        "bytes": sum(sizes),
        "tree": tree,
    }
    bodies.append(_canonical(root))
    return Bundle(objects.put_many(bodies)[-1], len(sizes), redirects, sum(sizes))


class Manifest:
    """A written manifest, read chunk by chunk. Raises ObjectMissing where the store has lost one."""

    def __init__(self, objects: ObjectStore, digest: str) -> None:
        root = _load(objects, digest)
        if root.get("format") != _FORMAT:
            raise Unavailable(f"object {digest} is no manifest of format {_FORMAT}")
        self._objects = objects
        self._tree: str = root["tree"]
        self.digest = digest
        self.routing = Routing(**root["routing"])
        self.files: int = root["files"]
        self.redirects: int = root["redirects"]
        self.bytes: int = root["bytes"]

    def lookup(self, path: str) -> Entry | None:
        key = _path_key(path)
        node = _load(self._objects, self._tree)
        depth = 0
        while (children := node.get("children")) is not None:
            child = children.get(key[depth])
            if child is None:
                return None
            node = _load(self._objects, child)
            depth += 1
        raw = node["entries"].get(path)
        return None if raw is None else _entry(raw)

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Every entry, sorted by path."""
        found = [item for chunk in self._nodes() for item in chunk.get("entries", {}).items()]
        return ((path, _entry(raw)) for path, raw in sorted(found))

    def _nodes(self) -> Iterator[dict[str, Any]]:
        due = [self._tree]
        while due:
            node = _load(self._objects, due.pop())
            due.extend(node.get("children", {}).values())
            yield node


def reachable(objects: ObjectStore, manifests: Iterable[str]) -> set[str]:
    """Every digest that the manifests of those digests need: their chunks and their files. What a sweep keeps."""
    chunks: set[str] = set()
    files: set[str] = set()  # apart: a file may have the very bytes of a chunk
    due = list(manifests)
    while due:
        digest = due.pop()
        if digest in chunks:  # with all that is below it: versions of a site share most of their chunks
            continue
        chunks.add(digest)
        node = _load(objects, digest)
        due.extend(node.get("children", {}).values())
        due.extend([node["tree"]] if "tree" in node else [])
        files.update(raw[0] for raw in node.get("entries", {}).values() if len(raw) > 2)
    return chunks | files


def _check(path: str, entry: Entry) -> None:
    if not path.startswith("/"):
        raise ValueError(f"output path {path!r} does not begin with /")
    slashed = path.endswith("/") and path != "/"
    if isinstance(entry, RedirectEntry) and (slashed or entry.status not in REDIRECT_STATUSES):
        raise ValueError(f"{entry} cannot stand at {path!r}")


def _write_node(keyed: Sequence[tuple[str, str]], depth: int, entries: Mapping[str, Entry], out: list[bytes]) -> str:
    """Append the chunks of `keyed`, sorted (key, path) that agree in `depth` digits, children first; their digest."""
    node: dict[str, Any]
    if len(keyed) <= _LEAF_ENTRIES:
        node = {"entries": {path: _raw(entries[path]) for _, path in keyed}}
    else:
        groups: dict[str, list[tuple[str, str]]] = {}
        for item in keyed:
            groups.setdefault(item[0][depth], []).append(item)
        node = {"children": {digit: _write_node(group, depth + 1, entries, out) for digit, group in groups.items()}}
    out.append(_canonical(node))
    return digest_of(out[-1])


def _raw(entry: Entry) -> list[Any]:
    if isinstance(entry, RedirectEntry):
        return [entry.target, entry.status]
    flags = _FINGERPRINTED * entry.fingerprinted + _ORIGIN * entry.origin
    return [entry.digest, entry.size, entry.media_type, flags]


def _entry(raw: Sequence[Any]) -> Entry:
    if len(raw) == 2:
        return RedirectEntry(raw[0], raw[1])
    flags = raw[3]
    return FileEntry(raw[0], raw[1], raw[2], bool(flags & _FINGERPRINTED), bool(flags & _ORIGIN))


def _path_key(path: str) -> str:
    return sha256(path.encode("utf-8", "surrogatepass")).hexdigest()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


# Parsed chunks by digest, of all manifests of the process; weighed in entries, of some 400 bytes each.
_chunks: Lru[str, dict[str, Any]] = Lru(131_072)


def _load(objects: ObjectStore, digest: str) -> dict[str, Any]:
    node = _chunks.get(digest)
    if node is None:
        node = json.loads(objects.get(digest))
        if not isinstance(node, dict):
            raise Unavailable(f"object {digest} is no part of a manifest")
        _chunks.put(digest, node, 8 + len(node.get("entries", ())))
    return node
