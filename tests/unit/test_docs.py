"""The docs name everything that can be set, run or asked, and build into a site without a dead link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import click
import colander
import pytest

from pubsite.api import Endpoint
from pubsite.build import BuildResult, build
from pubsite.build.pool import RendererPool
from pubsite.build.snapshot import AssetSource, PageSource, SiteSource, Snapshot
from pubsite.cli import pubsite
from pubsite.cli.importing import plan_import
from pubsite.openapi import own_services
from pubsite.publishing.adapter import Kind
from pubsite.publishing.kinds import KINDS
from pubsite.publishing.options import COMMON
from pubsite.security import NEEDS, PUBLIC, Permission
from pubsite.settings import Settings
from pubsite.storage import Manifest, ObjectStore, memory_storage
from pubsite.views.page_config import HtmlPageConfig, RedirectConfig
from pubsite.views.site_config import SiteConfig

DOCS = Path(__file__).parents[2] / "docs"
PACKAGE = Path(__file__).parents[2] / "pubsite"
PAGES = sorted(DOCS.glob("*.md"))
ENDPOINT = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`\s]*)`")
NEEDED = re.compile(ENDPOINT.pattern + r" · (\w+)(?:[^·\n]* · scope `(\w+)`)?")
CODE = re.compile(r"""\b(?:code ?= ?|error_code": )"(\w+)\"""")
BASES = {"outgoing", "delivery_failed"}  # of classes that nobody raises as they are
HREF = re.compile(r"""<(?:a|img|link|script)\b[^>]*?\s(?:href|src)="([^"]*)\"""")
ID = re.compile(r'\sid="([^"]+)"')


def text_of(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def commands(command: click.Command, name: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        for child, found in command.commands.items():
            yield from commands(found, f"{name} {child}")
    else:
        yield name


def config_keys(schema: colander.SchemaNode) -> Iterator[str]:
    """Dotted names, of the second level where there is one."""
    for child in schema.children:
        yield from (f"{child.name}.{grandchild.name}" for grandchild in child.children)
        if not child.children:
            yield child.name


@pytest.mark.parametrize("setting", [setting.name for setting in fields(Settings)])
def test_every_setting_is_named(setting: str) -> None:
    assert f"| `{setting}` |" in text_of("operations.md")


@pytest.mark.parametrize("command", sorted(commands(pubsite, "pubsite")))
def test_every_command_has_its_heading_and_an_example(command: str) -> None:
    text = text_of("commands.md")
    assert re.search(rf"^###.*`{command.removeprefix('pubsite ')}`", text, re.M)
    assert re.search(rf"^{command}\b", text, re.M)


@pytest.mark.parametrize("option", [o for p in pubsite.params for o in p.opts if o.startswith("--")])
def test_every_option_of_all_commands_is_named(option: str) -> None:
    assert f"`{option}" in text_of("commands.md")


def test_the_endpoints_that_are_documented_are_those_that_exist() -> None:
    documented = {(method, _pattern(path)) for method, path in ENDPOINT.findall(text_of("api.md"))}
    assert documented == set(_routes())


def test_the_role_and_scope_of_each_endpoint_are_those_that_it_needs() -> None:
    told = {(method, _pattern(path)): (who, scope) for method, path, who, scope in NEEDED.findall(text_of("api.md"))}
    assert len(told) > 40
    wrong = {
        endpoint: (who, scope, needed)
        for endpoint, (who, scope) in told.items()
        if (needed := _needed(*endpoint)) != (who if needed[0] else "", scope)
    }
    assert wrong == {}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_of_destination_has_its_row_with_all_of_its_options(kind: Kind) -> None:
    row = re.search(rf"^\| `{kind.name}` \|([^|]*)\|[^|]*\|$", text_of("api.md"), re.M)
    assert row
    assert re.findall(r"`([^`]*)`", row[1]) == [option.name for option in kind.options]
    assert f"| `{kind.name}` |" in text_of("publishing.md")


def test_every_option_of_all_kinds_is_named() -> None:
    missing = [option.name for option in COMMON if f"| `{option.name}` |" not in text_of("publishing.md")]
    assert missing == []


def test_every_code_with_which_a_delivery_ends_or_waits_is_named() -> None:
    sources = [*(PACKAGE / "publishing").glob("*.py"), *(PACKAGE / "outgoing").glob("*.py")]
    sources += [PACKAGE / "services" / f"{name}.py" for name in ("delivering", "outcomes", "publishing_records")]
    codes = {code for source in sources for code in CODE.findall(source.read_text("utf-8"))} - BASES
    named = set(re.findall(r"`(\w+)`", text_of("api.md").partition("### Error codes of records")[2]))
    assert codes > {"denied", "not_json", "content_gone"}
    assert codes - named == set()


@pytest.mark.parametrize("key", sorted(config_keys(SiteConfig())))
def test_every_key_of_a_sites_config_is_in_its_table(key: str) -> None:
    group, _, member = key.partition(".")
    named = re.findall(r"`([^`\n]+)`", text_of("site-config.md"))
    assert key in named or (group in named and any(re.search(rf"\b{member}\b", text) for text in named))


@pytest.mark.parametrize("key", sorted({*config_keys(HtmlPageConfig()), *config_keys(RedirectConfig())}))
def test_every_key_of_a_pages_config_is_in_its_table(key: str) -> None:
    assert f"`{key}`" in text_of("pages.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_has_a_title_a_description_and_one_heading_of_the_first_level(page: Path) -> None:
    text = page.read_text("utf-8")
    head, content = text.split("---\n", 2)[1:]
    assert re.search(r"^title: \S", head, re.M)
    assert re.search(r"^description: \S", head, re.M)
    outside_of_code = re.sub(r"^(`{3,}).*?^\1$", "", content, flags=re.M | re.S)
    assert len(re.findall(r"^# ", outside_of_code, re.M)) == 1


def test_the_docs_build_into_a_site_whose_links_all_lead_somewhere() -> None:
    imported = plan_import(DOCS)
    assert imported.problems == ()
    objects = memory_storage().objects
    with closing(RendererPool(1)) as renderers:
        result = build(_snapshot(objects), objects, renderers)
    assert result.problems == ()
    assert _dead_fragments(objects, result) == []


@cache
def _routes() -> dict[tuple[str, str], Endpoint]:
    return {
        (method, _pattern(service.path)): service.endpoints[method]
        for service in own_services()
        for method in service.defined_methods
        if method != "HEAD"
    }


def _needed(method: str, path: str) -> tuple[str, str]:
    """The least role, empty where there is none or the handler asks for itself; and the scope."""
    endpoint = _routes()[method, path]
    if endpoint.permission == PUBLIC and endpoint.scope_of is None:
        return "public", ""
    need = NEEDS[Permission(endpoint.scope_of or endpoint.permission)]
    return "" if endpoint.scope_of or need.role is None else need.role.name, need.scope


def _pattern(path: str) -> str:
    """A route or a documented path, with its placeholders' names and patterns taken out."""
    while (shorter := re.sub(r"\{[^{}]*\}", "<>", path)) != path:
        path = shorter
    return re.sub(r"<[^<>]*>", "<>", path).rstrip("/") or "/"


def _snapshot(objects: ObjectStore) -> Snapshot:
    imported = plan_import(DOCS)
    pages = [
        PageSource(page.source, page.path, 1, {k: v for k, v in page.config.items() if k != "content"}, content)
        for page in imported.pages
        if isinstance(content := page.config["content"], str)
    ]
    assets = []
    for asset in imported.assets:
        objects.put(body := asset.read())
        assets.append(AssetSource(f"/{asset.path}", sha256(body).hexdigest(), asset.size))
    return Snapshot(
        site=SiteSource("docs", "pubsite", "", "FullyManaged", {}),
        pages=tuple(sorted(pages, key=lambda page: page.path)),
        redirects=(),
        assets=tuple(sorted(assets, key=lambda asset: asset.path)),
        content_sequence=1,
        as_of=datetime(2026, 1, 1, tzinfo=UTC),
    )


def _dead_fragments(objects: ObjectStore, result: BuildResult) -> list[str]:
    entries = Manifest(objects, result.bundle.digest).entries()
    pages = {path: objects.get(entry.digest).decode() for path, entry in entries if path.endswith(".html")}
    ids = {path.removesuffix("index.html"): set(ID.findall(html)) for path, html in pages.items()}
    dead = []
    for path, html in pages.items():
        for href in HREF.findall(html):
            target, fragment = urldefrag(urljoin(path, unquote(href)))
            target = target.removesuffix("index.html")
            if fragment and target in ids and fragment not in ids[target]:
                dead.append(f"{path}: {href}")
    return dead
