"""The house rules: who imports whom, and how large a module or a function may grow. The tables are docs/design.md's."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "pubsite"
MODULE_LINES = 300
FUNCTION_LINES = 60

HTTP = frozenset({"api", "contexts", "forms", "openapi", "schema", "security", "tweens", "views"})
ANYTHING = frozenset({"*"})

# Part of the package -> the parts that it may import, itself aside.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "settings": frozenset({"errors"}),
    "signing": frozenset({"errors"}),
    "outgoing": frozenset({"errors"}),
    "issuers": frozenset({"errors", "outgoing", "signing"}),
    "models": frozenset({"errors"}),
    "storage": frozenset({"errors"}),
    "themes": frozenset({"errors"}),
    "build": frozenset({"errors", "storage", "themes"}),
    "publishing": frozenset({"errors", "outgoing", "storage"}),
    "services": frozenset({"build", "errors", "models", "publishing", "storage"}),
    "db": frozenset({"errors", "models", "settings"}),
    **dict.fromkeys(HTTP, HTTP | {"db", "errors", "issuers", "models", "services", "settings", "signing"}),
    "hosting": frozenset({"errors", "settings", "signing", "storage"}),
    "migrations": frozenset({"db", "errors", "models"}),
    "wire": frozenset(),
    "gateway": frozenset(),
    "server": frozenset({"errors", "wire"}),
    "__init__": ANYTHING,
    "app": ANYTHING,
    "cli": ANYTHING,
    "worker": ANYTHING,
}
# One module that may more than its part.
EXCEPTIONS: dict[str, frozenset[str]] = {"build/collect.py": frozenset({"models"})}

# A library -> the only parts or modules that may import it.
ONLY_IN: dict[str, frozenset[str]] = {
    "cornice": frozenset({"api/__init__.py"}),
    "zope.sqlalchemy": frozenset({"db.py"}),
    "colander": frozenset({"schema.py", "api", "views"}),
    "waitress": frozenset({"server.py", "wire"}),
    "alembic": frozenset({"migrations", "db.py", "cli"}),
    "click": frozenset({"cli"}),
    "limits": frozenset({"api/throttling.py"}),
    "botocore": frozenset({"publishing/s3_bucket.py"}),
}
WEB = frozenset({"pyramid", "cornice", "colander", "webob"})
# Part -> libraries that it must not know.
MUST_NOT_KNOW: dict[str, frozenset[str]] = {
    **dict.fromkeys(("services", "models", "storage", "build", "publishing"), WEB),
    "hosting": WEB | {"sqlalchemy", "transaction", "zope"},
    "storage": WEB | {"sqlalchemy", "transaction", "zope"},
}
# The bottom knows the standard library and the crypto library alone.
BOTTOM: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "settings": frozenset(),
    "signing": frozenset({"cryptography"}),  # sealing.py alone loads it
    "outgoing": frozenset(),
    "issuers": frozenset({"jwt", "cryptography"}),
}

MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
every_module = pytest.mark.parametrize("module", MODULES)


@every_module
def test_imports_go_downwards_only(module: str) -> None:
    part = _part(module)
    assert part in MAY_IMPORT, f"{module} belongs to no part that the table knows"
    allowed = MAY_IMPORT[part] | EXCEPTIONS.get(module, frozenset()) | {part}
    own = {_part(name.partition(".")[2] or "__init__") for name in _imports(module) if _top(name) == "pubsite"}
    wrong = set() if allowed >= ANYTHING else own - allowed
    assert not wrong, f"{module} imports {sorted(wrong)}; it may import {sorted(allowed - {part})}"


@every_module
def test_libraries_stay_where_they_belong(module: str) -> None:
    part, imports = _part(module), _imports(module)
    for library, places in ONLY_IN.items():
        if any(name == library or name.startswith(library + ".") for name in imports):
            assert places & {part, module}, f"{module} imports {library}, which belongs to {sorted(places)}"
    known = {_top(name) for name in imports}
    assert not known & MUST_NOT_KNOW.get(part, frozenset())
    if part in BOTTOM:
        assert known - sys.stdlib_module_names - {"pubsite"} <= BOTTOM[part]


@every_module
def test_a_module_says_what_it_is_and_stays_small(module: str) -> None:
    tree, lines = _parsed(module)
    assert ast.get_docstring(tree) or not tree.body, f"{module} has no docstring"
    assert lines <= MODULE_LINES, f"{module} has {lines} lines"


# A migration is one list of tables, written once and never changed.
@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith("migrations/versions/")])
def test_functions_fit_a_screen(module: str) -> None:
    tree, _ = _parsed(module)
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    long = [f"{node.name}: {_length(node)}" for node in functions if _length(node) > FUNCTION_LINES]
    assert not long, f"{module}: functions over {FUNCTION_LINES} lines: {long}"


def test_the_tables_name_no_module_that_is_gone() -> None:
    assert set(EXCEPTIONS) <= set(MODULES)
    assert {place for places in ONLY_IN.values() for place in places if place.endswith(".py")} <= set(MODULES)


def _part(module: str) -> str:
    """The part that a file or a dotted name belongs to."""
    return module.replace("/", ".").split(".")[0]


def _top(name: str) -> str:
    return name.split(".")[0]


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


@cache
def _parsed(module: str) -> tuple[ast.Module, int]:
    source = (PACKAGE / module).read_text(encoding="utf-8")
    return ast.parse(source, module), source.count("\n")


@cache
def _imports(module: str) -> frozenset[str]:
    return frozenset(_dotted(_parsed(module)[0], module))


def _dotted(tree: ast.Module, module: str) -> Iterator[str]:
    """Every imported name, dotted and absolute: `from pubsite import errors` is `pubsite.errors`."""
    folder = ["pubsite", *module.split("/")[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = folder[: len(folder) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
