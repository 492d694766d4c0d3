"""Settings: one list, every value checked, every mistake named before anything starts."""

from __future__ import annotations

from dataclasses import fields

import pytest

from pubsite.errors import SettingsError
from pubsite.settings import Settings, load

FOR_DEVELOPMENT = {"pubsite.development": "true"}


def test_every_setting_has_a_default_and_a_help() -> None:
    for setting in fields(Settings):
        help_text = setting.metadata["help"]
        assert help_text[0].isupper()
        assert help_text.endswith(".")
        assert setting.type in ("str", "int", "bool", "tuple[str, ...]")


def test_defaults_hold_where_nothing_is_set() -> None:
    assert load(FOR_DEVELOPMENT, environ={}) == Settings(development=True)


def test_an_ini_is_read_by_type() -> None:
    ini = {
        **FOR_DEVELOPMENT,
        "pubsite.data_dir": " /srv/pubsite ",
        "pubsite.file_size_limit": "2097152",
        "pubsite.api_hosts": "a.example, b.example\n c.example",
        "pubsite.worker": "off",
    }
    settings = load(ini, environ={})
    assert settings.data_dir == "/srv/pubsite"
    assert settings.file_size_limit == 2_097_152
    assert settings.api_hosts == ("a.example", "b.example", "c.example")
    assert settings.worker == "off"


def test_the_command_line_wins_over_the_environment_and_that_over_the_ini() -> None:
    ini = {**FOR_DEVELOPMENT, "pubsite.data_dir": "ini", "pubsite.worker": "off", "pubsite.wait_slots": "3"}
    environ = {"PUBSITE_DATA_DIR": "environ", "PUBSITE_WAIT_SLOTS": "4", "PUBSITE_UNKNOWN": "passed over"}
    settings = load(ini, command_line={"data_dir": "command", "http_port": "1"}, environ=environ)
    assert (settings.data_dir, settings.wait_slots, settings.worker) == ("command", 4, "off")


def test_unknown_settings_stop_the_start_with_their_names() -> None:
    ini = {**FOR_DEVELOPMENT, "pubsite.data_dri": "x", "pubsite.zz": "y", "pyramid.debug_all": "true", "other": "z"}
    with pytest.raises(SettingsError, match=r"unknown settings: pubsite\.data_dri, pubsite\.zz$"):
        load(ini, environ={})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("wait_slots", text) for text in ("", "x", "1.5", "-1", "1e3", "\u0661", "0x10")),
        *(("development", text) for text in ("", "yes", "1", "on")),
        *(("throttle_deploy", text) for text in ("", "ten", "-1", "10/minute")),
        ("worker", "sometimes"),
        ("sites_scheme", "ftp"),
    ],
)
def test_a_value_that_is_none_stops_the_start_and_names_its_setting(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"pubsite.{name} must be .*, not {text!r}".replace("\\", "\\\\")):
        load({**FOR_DEVELOPMENT, f"pubsite.{name}": text}, environ={})
    with pytest.raises(SettingsError, match=f"pubsite.{name} must be"):
        load(FOR_DEVELOPMENT, environ={f"PUBSITE_{name.upper()}": text})


@pytest.mark.parametrize("domain", ["api.example", "sites.api.example", "localhost"])
def test_sites_never_live_at_or_under_an_api_host_in_production(domain: str) -> None:
    ini = {"pubsite.api_hosts": "api.example localhost", "pubsite.sites_domain": domain}
    with pytest.raises(SettingsError, match="lies at or under the API host"):
        load(ini, environ={})
    assert load({**ini, **FOR_DEVELOPMENT}, environ={}).sites_domain == domain


def test_sites_beside_an_api_host_are_fine_in_production() -> None:
    ini = {"pubsite.api_hosts": "api.example", "pubsite.sites_domain": "notapi.example"}
    assert load(ini, environ={}).sites_domain == "notapi.example"


def test_the_database_is_sqlite_in_the_data_folder_unless_a_url_is_given() -> None:
    assert Settings(data_dir="/srv/data").database_url == "sqlite:////srv/data/pubsite.sqlite"
    url = "postgresql+psycopg://u:secret@db/pubsite"
    for ini in ({"sqlalchemy.url": url}, {"pubsite.sqlalchemy_url": url}):
        assert load({**FOR_DEVELOPMENT, **ini}, environ={}).database_url == url


def test_a_password_is_in_no_repr() -> None:
    assert "secret" not in repr(Settings(sqlalchemy_url="postgresql://u:secret@db/x"))
    assert "secret" not in repr(Settings(throttle_storage="redis://:secret@db/0"))


@pytest.mark.parametrize("text", ["", "disk", "Memory", "redis", "http://:secret@db", "secret@redis://db"])
def test_another_place_to_count_requests_in_stops_the_start_and_is_not_quoted(text: str) -> None:
    with pytest.raises(SettingsError, match=r"pubsite\.throttle_storage must be memory, or a URL with") as caught:
        load({**FOR_DEVELOPMENT, "pubsite.throttle_storage": text}, environ={})
    assert "secret" not in str(caught.value)
    for fine in ("memory", "redis://:secret@db:6379/1", "rediss://db", "unix:///run/redis.sock"):
        assert load({**FOR_DEVELOPMENT, "pubsite.throttle_storage": fine}, environ={}).throttle_storage == fine


@pytest.mark.parametrize(
    ("settings", "scheme", "port", "url"),
    [
        (Settings(), "http", 6543, "http://blog-ann.localhost:6543/"),
        (Settings(), "http", 80, "http://blog-ann.localhost/"),
        (Settings(), "https", 443, "https://blog-ann.localhost/"),
        (Settings(), "http", 443, "http://blog-ann.localhost:443/"),
        (Settings(), "http", None, "http://blog-ann.localhost/"),
        (
            Settings(sites_scheme="https", sites_domain="sites.example"),
            "http",
            80,
            "https://blog-ann.sites.example:80/",
        ),
        (Settings(sites_scheme="https", sites_port=443), "http", 6543, "https://blog-ann.localhost/"),
    ],
)
def test_a_sites_url_is_by_the_settings_and_else_by_the_request(
    settings: Settings, scheme: str, port: int | None, url: str
) -> None:
    assert settings.site_url("blog-ann", scheme=scheme, port=port) == url
