"""The server, put together: one WSGI app out of all its parts. Read it as a table of contents."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from typing import Any

from pyramid.config import Configurator

from pubsite import migrations
from pubsite.build.pool import RendererPool
from pubsite.db import Database
from pubsite.gateway import Gateway
from pubsite.hosting import Hosting
from pubsite.issuers import Issuers
from pubsite.outgoing import Allowed, Client
from pubsite.services.outside import OutsideAccounts
from pubsite.services.page_html import PageBodies
from pubsite.settings import Settings, load
from pubsite.signing import Keys, LiveKeys
from pubsite.storage import Storage, open_storage
from pubsite.worker import Worker


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
        worker = Worker(settings, database, storage, renderers)
        opened.callback(worker.stop)
        api = make_api(settings, database, storage, renderers, ini).make_wsgi_app()
        hosting = Hosting(storage, settings.sites_domain)
        if global_config.get("__script__") == "pserve" and settings.worker == "embedded":
            worker.start()
        close = opened.pop_all().close
    return Gateway(api, hosting, api_hosts=settings.api_hosts, sites_domain=settings.sites_domain, close=close)


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
    config.registry.outgoing = make_outgoing(settings)
    config.registry.outside_accounts = OutsideAccounts(database)
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
