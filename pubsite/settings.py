"""Every setting, once: name, type, default, help. An unknown name stops the start.

Precedence: command line (`data_dir=DIR` behind the ini's name), then `PUBSITE_<NAME>`, then `pubsite.<name>` in
the ini, then the default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from pubsite.errors import SettingsError

PREFIX = "pubsite."
MEMORY = "memory"
REDIS = ("redis://", "rediss://", "unix://")


def _setting(default: Any, help: str, *, is_secret: bool = False) -> Any:
    return field(default=default, repr=not is_secret, metadata={"help": help})


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration of one server; made by `load`, never changed afterwards."""

    data_dir: str = _setting("data", "Folder of everything that pubsite keeps: database, objects, keys.")
    sqlalchemy_url: str = _setting(
        "", "Database URL; empty: SQLite in data_dir. In the ini also as `sqlalchemy.url`.", is_secret=True
    )
    development: bool = _setting(False, "Migrate at start, and let sites live under an API host (localhost).")
    api_hosts: tuple[str, ...] = _setting(
        ("localhost", "127.0.0.1", "[::1]"), "Hosts that answer the API, without port."
    )
    sites_domain: str = _setting("localhost", "Every live site is {host_label}.{sites_domain}.")
    sites_scheme: str = _setting("", "Scheme of site URLs (http or https); empty: the request's.")
    sites_port: int = _setting(0, "Port in site URLs; 0: the request's.")
    issuers_file: str = _setting("", "JSON file of outside issuers whose tokens are accepted; empty: none.")
    outgoing_allow: tuple[str, ...] = _setting(
        (), "Hosts, `host:port` or networks that outgoing calls may reach though they are private or plain http."
    )
    file_size_limit: int = _setting(1_048_576, "Bytes that one file or asset may have.")
    site_size_limit: int = _setting(26_214_400, "Bytes that the files of one site may have together.")
    site_files_limit: int = _setting(100_000, "Files that one site may have.")
    sites_per_publisher: int = _setting(100, "Sites that one publisher may have, deleted ones within 30 days included.")
    max_body_size: int = _setting(67_108_864, "Bytes of the largest request body; a larger one is 413.")
    worker: str = _setting("embedded", "Where jobs run: `embedded` in pserve, or `off` beside `pubsite worker`.")
    render_processes: int = _setting(2, "Child processes that render pages.")
    render_seconds: int = _setting(10, "Seconds that one page may take to render.")
    render_memory: int = _setting(1_073_741_824, "Bytes of address space that one render process may have.")
    wait_slots: int = _setting(2, "Requests that may wait at once (`Prefer: wait`); a quarter of the threads.")
    delivery_threads: int = _setting(4, "Destinations that pages are sent to at once.")
    job_lease_seconds: int = _setting(10, "Seconds after which the job of a dead worker is taken over.")
    asset_grace_seconds: int = _setting(
        86_400, "Seconds for which fingerprinted assets of replaced versions stay reachable."
    )
    throttle_read: int = _setting(120, "Reading requests to the publisher API a minute and account; 0: no limit.")
    throttle_write: int = _setting(60, "Changing requests to it that are of no kind below; 0: no limit.")
    throttle_publish: int = _setting(30, "Requests to publish; 0: no limit.")
    throttle_deploy: int = _setting(10, "Requests to deploy or roll back; 0: no limit.")
    throttle_test: int = _setting(10, "Requests that look at a destination and write nothing there; 0: no limit.")
    throttle_storage: str = _setting(
        MEMORY, "Where requests are counted: `memory` of each process, or a `redis://` URL.", is_secret=True
    )

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.sqlalchemy_url or f"sqlite:///{Path(self.data_dir).absolute() / 'pubsite.sqlite'}"

    def site_url(self, host_label: str, *, scheme: str, port: int | None) -> str:
        """The URL of a live site; `scheme` and `port` are those of the request that asks, used where none is set."""
        scheme = self.sites_scheme or scheme
        port = self.sites_port or port
        suffix = "" if port in (None, {"http": 80, "https": 443}.get(scheme)) else f":{port}"
        return f"{scheme}://{host_label}.{self.sites_domain}{suffix}/"


def load(
    ini: Mapping[str, str], *, command_line: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Settings from an ini section's values; raises SettingsError that names each wrong or unknown one.

    ini: the values of `[app:main]`; keys without the prefix `pubsite.` belong to others and are passed over.
    command_line: bare names (`data_dir`) to texts. environ: `PUBSITE_DATA_DIR` and the like; default `os.environ`.
    """
    environ = os.environ if environ is None else environ
    known = {f.name: f for f in fields(Settings)}
    texts = {key.removeprefix(PREFIX): value for key, value in ini.items() if key.startswith(PREFIX)}
    if "sqlalchemy.url" in ini:
        texts.setdefault("sqlalchemy_url", ini["sqlalchemy.url"])
    if unknown := sorted(set(texts) - set(known)):
        raise SettingsError("unknown settings: " + ", ".join(PREFIX + name for name in unknown))
    for name in known:
        if (text := environ.get(f"PUBSITE_{name.upper()}")) is not None:
            texts[name] = text
    texts.update({name: value for name, value in (command_line or {}).items() if name in known})
    settings = Settings(**{name: _parse(known[name], text) for name, text in texts.items()})
    _check(settings)
    return settings


def _parse(setting: Field[Any], text: str) -> Any:
    text = text.strip()
    if setting.type == "bool":
        if text.lower() not in ("true", "false"):
            raise SettingsError(f"{PREFIX}{setting.name} must be true or false, not {text!r}")
        return text.lower() == "true"
    if setting.type == "int":
        if not text.isascii() or not text.isdigit():
            raise SettingsError(f"{PREFIX}{setting.name} must be a whole number of 0 or more, not {text!r}")
        return int(text)
    if setting.type == "tuple[str, ...]":
        return tuple(text.replace(",", " ").split())
    return text


def _check(settings: Settings) -> None:
    if settings.worker not in ("embedded", "off"):
        raise SettingsError(f"{PREFIX}worker must be embedded or off, not {settings.worker!r}")
    if settings.sites_scheme not in ("", "http", "https"):
        raise SettingsError(f"{PREFIX}sites_scheme must be http or https, not {settings.sites_scheme!r}")
    if settings.throttle_storage != MEMORY and not settings.throttle_storage.startswith(REDIS):
        raise SettingsError(f"{PREFIX}throttle_storage must be {MEMORY}, or a URL with {', '.join(REDIS)}")
    for host in settings.api_hosts:
        under = settings.sites_domain == host or settings.sites_domain.endswith("." + host)
        if under and not settings.development:
            raise SettingsError(
                f"{PREFIX}sites_domain {settings.sites_domain!r} lies at or under the API host {host!r}: "
                "pages of users would share its cookies. Give the sites a domain of their own"
            )
