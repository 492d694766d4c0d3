"""Cases at things that are there: what a generator makes up is 404 nearly always.

Wrong parts of a case stay as they are. Of a right one, ids and the like are replaced, most of the time; what an
operation takes away is made for it alone. Nothing here hangs on the clock or on chance that a seed does not give.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Any

from schemathesis.core import NOT_SET
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.case import Case
from schemathesis.transport.serialization import Binary

from pubsite.schema import MAX_INTEGER
from tests.fuzz.world import NOWHERE, TEXT, World, archive

# Conditions and keys that hang on what was answered before have tests of their own.
STATEFUL_HEADERS = ("If-Match", "If-None-Match", "Range", "Prefer", "Idempotency-Key")
UNAIMED = 0.1


class Aim:
    """Points the cases of one run at the things of a world."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.chance = world, random.Random(seed)
        self.undo: Callable[[], None] | None = None

    def __call__(self, case: Case) -> None:
        if case.meta is None:
            return
        operation = case.operation.definition.raw["operationId"]
        if case.media_type == "multipart/form-data" and isinstance(case.body, dict):
            case.body = as_sent(case.body)
        path, body = self._is_right(case, ParameterLocation.PATH), self._is_right(case, ParameterLocation.BODY)
        if self._is_right(case, ParameterLocation.HEADER):
            for header in STATEFUL_HEADERS:
                case.headers.pop(header, None)
        if self._is_right(case, ParameterLocation.QUERY):
            self._fit_query(operation, case.query)
        # What is left as it is may still be something of ours, which the generator saw in an answer: only to be read.
        aimed = path and (case.method.upper() != "GET" or self.chance.random() >= UNAIMED)
        if aimed:
            self._aim_path(operation, case)
            self._call(f"_before_{operation}", case)
        if body:
            case.body = whole_numbers(case.body)
            self._call(f"_fit_{operation}", case)

    def _call(self, name: str, case: Case) -> None:
        if (method := getattr(self, name, None)) is not None:
            method(case)

    def after(self, case: Case, status: int, answer: Any) -> None:
        """Take away what would fill a limit."""
        operation = case.operation.definition.raw["operationId"]
        if status == 201 and operation == "destinations_post":
            self.world.send("DELETE", f"/api/v1/publisher/destinations/{answer['data']['id']}")
        if status != 200 or case.method != "POST" or operation not in ("tokens_post", "publishers_post"):
            return
        kind, name = ("tokens", answer["id"]) if operation == "tokens_post" else ("publishers", answer["name"])
        self.world.send("DELETE", f"/api/{kind}/{name}")

    def _is_right(self, case: Case, location: ParameterLocation) -> bool:
        """Whether that part of a case is as the document wants it."""
        component = case.meta.components.get(location)
        right = case.meta.generation.mode.is_positive if component is None else component.mode.is_positive
        return right and (location != ParameterLocation.BODY or case.body is not NOT_SET)

    def _fit_query(self, operation: str, query: dict[str, Any]) -> None:
        query.pop("cursor", None)
        if operation == "accounts_get" and self.chance.random() >= UNAIMED:
            query["name"] = "other"
        if operation == "publish_status_get" and self.chance.random() >= UNAIMED:
            query["content_id"] = self.world.ids["page"]

    def _aim_path(self, operation: str, case: Case) -> None:
        ids, parameters = self.world.ids, case.path_parameters
        values = {
            "pubName": "makers" if operation == "sites_post" else "press",
            "slug": self._site_of(operation),
            "page_id": ids["page"],
            "number": 1,
            "account_id": self.world.server.accounts["other"],
            "deployment_id": self.world.deployments["docs"],
            "sector_id": ids["sector of docs"],
            "destination_id": ids["destination"],
            "record_id": ids["record"],
            "site_id": ids["docs"],
            "path": "index.txt",
        }
        if operation.startswith("files_"):
            values["site_id"] = ids["tree" if self._changes_tree(operation) else "plain"]
        if operation.startswith("assets_"):
            values["site_id"] = ids["batched" if self._changes_tree(operation) else "assets"]
        for name, value in values.items():
            if name in parameters:
                parameters[name] = value

    def _site_of(self, operation: str) -> str:
        slug = {"site_patch": "changed", "pages_post": "changed", "pages_batch_post": "batched"}.get(operation, "docs")
        return slug if operation == "page_rendered_get" else self.world.ids[slug]

    def _changes_tree(self, operation: str) -> bool:
        return operation.rpartition("_")[2] in ("post", "put", "delete")

    # Bodies, as far as what is there decides what is right.

    def _fit_site_patch(self, case: Case) -> None:
        case.body.pop("mode", None)
        if "slug" in case.body:
            case.body["slug"] = self.world.fresh_name(case.body["slug"][:4000])

    def _fit_sites_post(self, case: Case) -> None:
        case.body["slug"] = self.world.fresh_name(case.body["slug"][:4000])

    def _fit_pages_post(self, case: Case) -> None:
        if "path" in case.body:
            case.body["path"] = self.world.fresh_name(case.body["path"].rstrip("/")[:8000] + "/")
        self._fit_sector(case.body, "changed")

    def _fit_pages_batch_post(self, case: Case) -> None:
        if "upsert" in case.body:  # that no path is given twice is beyond a schema's words
            of_path = {page["path"].rstrip("/").casefold(): page for page in case.body["upsert"]}
            case.body["upsert"] = list(of_path.values())
        for page in case.body.get("upsert", ()):
            self._fit_sector(page, "batched")

    def _fit_sector(self, body: dict[str, Any], slug: str) -> None:
        """Of the site that is written to."""
        if body.get("sector_id") is not None:
            body["sector_id"] = self.world.ids[f"sector of {slug}"]

    def _fit_sectors_post(self, case: Case) -> None:
        case.body["site_id"] = self.world.ids["docs"]
        self._fit_sector_put(case)

    def _fit_sector_put(self, case: Case) -> None:
        if "slug" in case.body:
            case.body["slug"] = self.world.fresh_name(case.body["slug"][:200].rstrip("-"))

    _fit_sector_patch = _fit_sector_put

    def _fit_page_patch(self, case: Case) -> None:
        body, config = case.body, case.body.get("config", {})
        of_redirect = body.get("type", "") in ("Redirect", 1)
        if "type" not in body:
            of_redirect = "target" in config or "url" in config
        case.path_parameters["page_id"] = self.world.ids["redirect" if of_redirect else "html"]
        if of_redirect:
            body.setdefault("config", {"target": "/"})
        if "id" in body:
            body["id"] = case.path_parameters["page_id"]
        self._fit_sector(body, "changed")

    def _fit_deployments_post(self, case: Case) -> None:
        case.body["site_id"] = self.world.ids["changed"]
        case.body["release_hold"] = True
        self._fit_sector(case.body, "changed")
        if case.body.get("version", 2) < 2:
            case.body["version"] = 2

    def _fit_deployment_rollback_post(self, case: Case) -> None:
        if "to_version" in case.body:
            case.body["to_version"] = 1

    def _fit_destinations_post(self, case: Case) -> None:
        """Each makes one more, and a publisher has a hundred: `after` takes it away."""
        kind, body = case.body["type"], case.body
        for name in ("publisher_id", "sector_id", "secret"):
            body.pop(name, None)
        body |= {"site_id": self.world.ids["docs"], "type": "webhook", "base_url": NOWHERE, "config": {}}
        if kind == "site":
            body |= {"type": kind, "config": {"publisher": "press", "site": "docs"}, "secret": "pst_" + "a" * 40}

    def _fit_destination_put(self, case: Case) -> None:
        body = case.body
        for name in ("secret", "sector_id"):
            body.pop(name, None)
        body |= {name: value for name, value in {"base_url": NOWHERE, "config": {}}.items() if name in body}
        case.path_parameters["destination_id"] = self.world.ids["changed destination"]  # it may be switched off

    _fit_destination_patch = _fit_destination_put

    def _fit_destination_rotate_secret_post(self, case: Case) -> None:
        case.body.pop("secret", None)

    def _fit_publish_post(self, case: Case) -> None:
        case.body |= {"content_id": self.world.ids["page"], "destination_ids": [self.world.ids["destination"]]}

    def _fit_publishing_records_post(self, case: Case) -> None:
        case.body |= {"content_id": self.world.ids["page"], "destination_id": self.world.ids["destination"]}

    def _waiting_record(self, case: Case, destination: str = "destination") -> None:
        """A new record that waits for the end of time."""
        page = self.world.page("docs", f"/{self.world.fresh_name('sent')}", {"content": "x"})["id"]
        case.path_parameters["record_id"] = self.world.record(page, self.world.ids[destination])

    _before_publishing_record_delete = _before_publishing_record_cancel_post = _waiting_record
    _before_publishing_record_retry_post = _before_publishing_record_unpublish_post = _waiting_record
    _fit_publishing_record_put = _fit_publishing_record_patch = _waiting_record

    def _before_publishing_record_refresh_post(self, case: Case) -> None:
        self._waiting_record(case, "looked at")

    def _before_destination_delete(self, case: Case) -> None:
        case.path_parameters["destination_id"] = self.world.destination("gone")

    def _fit_members_post(self, case: Case) -> None:
        case.body["account_id"] = self.world.server.accounts["third"]
        self._leave("third")

    def _fit_tokens_post(self, case: Case) -> None:
        case.body.pop("site_id", None)
        case.body.pop("publisher_id", None)
        case.body.pop("expires_at", None)  # between now and the end of the token at hand

    def _fit_upload(self, case: Case) -> None:
        case.body["file"] = TEXT

    _fit_files_upload_post = _fit_assets_upload_post = _fit_upload

    def _fit_deploy(self, case: Case) -> None:
        case.body["file"] = archive("index.txt", "css/site.css")

    _fit_files_deploy_post = _fit_assets_deploy_post = _fit_deploy

    def _fit_sync(self, case: Case) -> None:
        case.body["files"] = dict.fromkeys(case.body["files"], hashlib.sha256(TEXT.encode()).hexdigest())

    _fit_files_sync_post = _fit_assets_sync_post = _fit_sync

    def _fit_move(self, case: Case) -> None:
        case.body["from"] = "index.txt"

    _fit_files_move_post = _fit_assets_move_post = _fit_move

    def _fit_blobs(self, case: Case) -> None:
        case.body = f"{TEXT}{next(self.world.numbers)}"
        case.path_parameters["digest"] = hashlib.sha256(case.body.encode()).hexdigest()

    _fit_files_blobs_put = _fit_assets_blobs_put = _fit_blobs

    # What is taken away is made first.

    def _kind(self, case: Case) -> str:
        return "assets" if "/assets/" in case.path else "files"

    def _before_site_delete(self, case: Case) -> None:
        case.path_parameters["slug"] = self.world.site(self.world.fresh_name("gone"))["id"]

    def _before_site_restore_post(self, case: Case) -> None:
        site_id = self.world.site(self.world.fresh_name("back"))["id"]
        self.world.send("DELETE", f"/api/sites/press/{site_id}")
        case.path_parameters["slug"] = site_id

    def _before_page_delete(self, case: Case) -> None:
        case.path_parameters["page_id"] = self.world.page("docs", f"/{self.world.fresh_name('gone')}", {})["id"]

    def _before_sector_delete(self, case: Case) -> None:
        case.path_parameters["sector_id"] = self.world.sector("docs", self.world.fresh_name("gone"))["id"]

    def _before_deployment_delete(self, case: Case) -> None:
        case.path_parameters["deployment_id"] = self.world.failed_deployment()

    def _before_publisher_delete(self, case: Case) -> None:
        name = self.world.fresh_name("gone")
        self.world.send("POST", "/api/publishers", {"name": name})
        case.path_parameters["pubName"] = name

    def _before_token_delete(self, case: Case) -> None:
        made = self.world.send("POST", "/api/tokens", {"name": "x", "scopes": ["read"]})
        case.path_parameters["token_id"] = made["id"]

    def _before_member_delete(self, case: Case) -> None:
        self._leave("third")
        third = self.world.server.accounts["third"]
        self.world.send("POST", "/api/publishers/press/members", {"account_id": third, "role": "Viewer"})
        case.path_parameters["account_id"] = third

    def _before_member_accept_post(self, case: Case) -> None:
        name = self.world.fresh_name("hosts")
        self.world.send("POST", "/api/publishers", {"name": name}, who="other")
        asked = {"account_id": self.world.server.accounts["owner"], "role": "Viewer"}
        self.world.send("POST", f"/api/publishers/{name}/members", asked, who="other")
        case.path_parameters["pubName"] = name

    def _before_tree(self, case: Case) -> None:
        for path in ("index.txt", "css/site.css"):
            self.world.put_file(self._kind(case), case.path_parameters["site_id"], path)

    _before_files_delete_delete = _before_assets_delete_delete = _before_tree
    _before_files_edit_put = _before_assets_edit_put = _before_tree
    _before_files_move_post = _before_assets_move_post = _before_tree

    def _before_deployment_rollback_post(self, case: Case) -> None:
        """Back from a version that is live, whatever was done before."""
        world, site_id = self.world, self.world.ids["docs"]
        world.page("docs", f"/{world.fresh_name('new')}", {"content": "<p>new</p>"})
        made = world.send("POST", "/api/v1/publisher/deployments", {"site_id": site_id, "release_hold": True})
        world.work()
        world.deployments["docs"] = made["data"]["id"]
        case.path_parameters["deployment_id"] = made["data"]["id"]

    def _leave(self, name: str) -> None:
        listed = self.world.send("GET", "/api/publishers/press/members")
        account_id = self.world.server.accounts[name]
        if any(member["account_id"] == account_id for member in listed):
            self.world.send("DELETE", f"/api/publishers/press/members/{account_id}")


def as_sent(form: dict[str, Any]) -> dict[str, Any]:
    """A form as it arrives: numbers are text, empty lists are nothing; so that what is right then counts as right.

    Bytes become text, since the generator's own validator takes them for wrong once a body was touched.
    """
    texts = {name: str(value) if isinstance(value, int | float) else value for name, value in form.items()}
    return {
        name: TEXT if isinstance(value, Binary) else value for name, value in texts.items() if value not in ([], {})
    }


def whole_numbers(value: Any) -> Any:
    """JSON Schema takes 7.0 for an integer, and has no word for how one is written; this API takes none beyond 2^53."""
    if isinstance(value, dict):
        return {key: whole_numbers(member) for key, member in value.items()}
    if isinstance(value, list):
        return [whole_numbers(member) for member in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_INTEGER:
        return int(value)
    return 1e300 if isinstance(value, int) and abs(value) > MAX_INTEGER else value
