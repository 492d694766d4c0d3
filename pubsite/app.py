"""The server, put together: one WSGI app out of all its parts. Read it as a table of contents."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from typing import Any

from pyramid.config import Configurator

from pubsite import migrations
from pubsite.api.throttling import Throttles
from pubsite.build.pool import RendererPool
from pubsite.db import Database
from pubsite.gateway import Gateway
from pubsite.hosting import Hosting
from pubsite.issuers import Issuers
from pubsite.models import Site
from pubsite.outgoing import Allowed, Client
from pubsite.publishing.sending import sender
from pubsite.services.outside import OutsideAccounts
from pubsite.services.page_html import PageBodies
from pubsite.settings import Settings, load
from pubsite.signing import Keys, LiveKeys
from pubsite.signing.sealing import Sealer
from pubsite.storage import Storage, open_storage
from pubsite.worker import Outside, Worker

DEFAULT_PORT = 6543


def make_app(global_config: Mapping[str, str], ini: Mapping[str, str]) -> Gateway:
    """API and hosting behind one gateway, and under pserve the worker."""
    settings = load(ini, command_line=global_config)
    with ExitStack() as opened:  # closed in reverse, also when the start is refused half-way
        storage = open_storage(settings.data_dir)  # makes the folder, in which SQLite's database lies too
        opened.callback(storage.close)
        database = opened.enter_context(closing(Database(settings.database_url)))
        if settings.development:
            migrations.upgrade(database.engine)
            Keys.create(settings.data_dir)
        migrations.check(database.engine)
        renderers = RendererPool(settings.render_processes, settings.render_seconds, settings.render_memory)
        opened.callback(renderers.close)
        outside = make_outside(settings, global_config)
        worker = Worker(settings, database, storage, renderers, outside)
        opened.callback(worker.stop)
        config = make_api(settings, database, storage, renderers, ini)
        config.registry.outside = outside
        opened.callback(config.registry.throttles.close)
        api = config.make_wsgi_app()
        hosting = Hosting(storage, settings.sites_domain)
        if global_config.get("__script__") == "pserve" and settings.worker == "embedded":
            worker.start()
        close = opened.pop_all().close
    return Gateway(api, hosting, api_hosts=settings.api_hosts, sites_domain=settings.sites_domain, close=close)


def make_outside(settings: Settings, global_config: Mapping[str, str]) -> Outside:
    """How the server meets others; the port of its sites is that of the setting, of pserve's command line, or usual."""
    keys = LiveKeys(settings.data_dir)
    usual = DEFAULT_PORT if settings.development else None
    port = settings.sites_port or int(global_config.get("http_port") or 0) or usual
    scheme = "http" if settings.development else "https"

    def site_url(site: Site) -> str:
        return settings.site_url(site.host_label, scheme=scheme, port=port)

    return Outside(sender(make_outgoing(settings)), Sealer(lambda: keys.current.secrets), site_url)


def make_api(
    settings: Settings, database: Database, storage: Storage, renderers: RendererPool, ini: Mapping[str, str]
) -> Configurator:
    """Pyramid's configuration of the API."""
    config = Configurator(settings=_pyramid_settings(ini))
    config.registry.settings_of_pubsite = settings
    config.registry.database = database
    config.registry.storage = storage
    config.registry.renderers = renderers
    config.registry.page_bodies = PageBodies(renderers)
    config.registry.keys = LiveKeys(settings.data_dir)
    config.registry.issuers = Issuers.load(settings.issuers_file)
    config.registry.outside_accounts = OutsideAccounts(database)
    config.registry.throttles = Throttles.of(settings)
    config.include("pyramid_retry")
    config.include("pyramid_tm")
    config.include("pubsite.db")
    config.include("pubsite.tweens")
    config.include("pubsite.api")
    config.include("pubsite.security")
    config.include("pubsite.views")
    return config


def make_outgoing(settings: Settings) -> Client:
    """The client of every call to others; raises SettingsError that names a wrong entry of outgoing_allow."""
    return Client(Allowed.parse(settings.outgoing_allow))


def _pyramid_settings(ini: Mapping[str, str]) -> dict[str, Any]:
    return {
        **{key: value for key, value in ini.items() if key.startswith("pyramid.")},
        "retry.attempts": 5,
        "tm.manager_hook": "pyramid_tm.explicit_manager",
        "tm.commit_veto": "pyramid_tm.default_commit_veto",
        "tm.annotate_user": False,
        "handle_exceptions": False,
    }
