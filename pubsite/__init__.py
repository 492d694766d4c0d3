"""pubsite: a publishing server. `main` is what pserve calls; `app.py` puts the parts together.

Importing the package loads none of them, so that a command or a render child starts with what it needs alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pubsite.errors import SettingsError

if TYPE_CHECKING:
    from pubsite.gateway import Gateway


def main(global_config: dict[str, str] | None, **ini: str) -> Gateway:
    """The app of `[app:main]`; what stands behind the ini's name on pserve's command line is in `global_config`."""
    from pubsite.app import make_app

    global_config = global_config or {}
    try:
        return make_app(global_config, ini)
    except SettingsError as error:
        if global_config.get("__script__") == "pserve":  # whoever starts a server wants the reason, not the stack
            raise SystemExit(f"pubsite: {error.message}") from None
        raise
