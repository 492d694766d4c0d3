"""HTTP: the route, schema, output and handlers of one resource in one file. `includeme` gives the order of routes.

Routes match in order of declaration: literal paths first, then ids by pattern, then `{pubName}`.
"""

from __future__ import annotations

from pyramid.config import Configurator


def includeme(config: Configurator) -> None:
    config.include("pubsite.views.reference")
    config.include("pubsite.views.accounts")
    config.include("pubsite.views.publishers")
    config.include("pubsite.views.members")
    config.include("pubsite.views.tokens")
    config.include("pubsite.views.revisions")
    config.include("pubsite.views.pages")
    config.include("pubsite.views.previews")
    config.include("pubsite.views.files")
    config.include("pubsite.views.sync")
    config.include("pubsite.views.trees")
    config.include("pubsite.views.sites")
    config.include("pubsite.views.overview")
    config.include("pubsite.views.deployments")
    config.include("pubsite.views.destinations")
    config.include("pubsite.views.publishing_records")
    config.include("pubsite.views.publish")
    config.include("pubsite.views.deployment_records")
    config.include("pubsite.views.sectors")
    config.include("pubsite.views.root")
