"""Front matter → a page's config: the keys that pubsite knows get the types that the API asks for, others are kept.

Knows what Hugo, Jekyll and Zola call these keys. A value that fits no known form is left out and named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

TEXTS = ("title", "description", "layout", "author", "image", "canonical_url", "language")
LISTS = ("tags", "categories", "aliases")
FLAGS = ("draft", "no_index", "sanitize", "list")
TIMES = ("date", "updated", "publish_at", "expires_at")
NUMBERS = ("order", "weight")
RESERVED = ("content", "html", "format", "source")  # what the import sets itself

# Other generators' names for ours; ours wins when both are there.
SYNONYMS = {
    "publishDate": "publish_at",
    "publish_date": "publish_at",
    "expiryDate": "expires_at",
    "expiry_date": "expires_at",
    "summary": "description",
    "lang": "language",
    "redirect_from": "aliases",
    "noindex": "no_index",
    "tag": "tags",
    "category": "categories",
}
_DAY = re.compile(r"\d{4}-\d\d?-\d\d?\Z")
_ZONE = re.compile(r"\s*(Z|UTC|[-+]\d\d(?::?\d\d)?)\Z", re.IGNORECASE)


def page_config(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The config and, for people, what could not be kept of it."""
    config: dict[str, Any] = {}
    wrong: list[str] = []
    for key, value in _renamed(values).items():
        if key in RESERVED:
            wrong.append(f"{key}: set by the import itself; the value was left out")
        elif value is not None and not (value == "" and key in (*TEXTS, *TIMES)):
            try:
                config[key] = _typed(key, value)
            except ValueError as error:
                wrong.append(f"{key}: {error}; the value was left out")
    return config, wrong


def _renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {key: value for key, value in values.items() if key not in SYNONYMS}
    for key, value in values.items():
        if key in SYNONYMS:
            renamed.setdefault(SYNONYMS[key], value)
    if (published := renamed.pop("published", None)) is False:
        renamed.setdefault("draft", True)
    elif published is not None and not isinstance(published, bool):
        renamed.setdefault("date", published)
    if isinstance(taxonomies := renamed.get("taxonomies"), dict):  # Zola's
        renamed = {**taxonomies, **renamed}
    return renamed


def _typed(key: str, value: Any) -> Any:
    if key in TEXTS:
        return _text(value)
    if key in LISTS:
        return _texts(value)
    if key in FLAGS:
        return _flag(value)
    if key in TIMES:
        return _time(value, whole=key in ("publish_at", "expires_at"))
    if key in NUMBERS:
        return _number(value)
    if key == "menu":
        return _menu(value)
    if key == "data" and not isinstance(value, dict):
        raise ValueError("must hold keys and values")
    return value


def _text(value: Any) -> str:
    if isinstance(value, dict):
        raise ValueError("must be a text")
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        raise ValueError("must be a list of texts")
    parts = value if isinstance(value, list) else str(value).split(",")
    texts = [_text(part).strip() for part in parts if part is not None]
    return list(dict.fromkeys(text for text in texts if text))


def _flag(value: Any) -> bool:
    flags = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if (flag := flags.get(str(value).strip().lower())) is None:
        raise ValueError("must be true or false")
    return flag


def _number(value: Any) -> int:
    try:
        return int(str(value).strip())
    except ValueError:
        raise ValueError("must be a whole number") from None


def _time(value: Any, *, whole: bool) -> str:
    """`2024-01-31`, or a moment in UTC with `Z`; a text without a zone is taken as UTC. whole: never the day alone."""
    text = str(value).strip()
    if _DAY.match(text):
        day = date(*map(int, text.split("-"))).isoformat()
        return f"{day}T00:00:00Z" if whole else day
    moment = _moment(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _moment(text: str) -> datetime:
    zone = _ZONE.search(text) if ":" in text else None
    try:
        if zone is None:
            return datetime.fromisoformat(text)
        name = zone[1].upper()
        return datetime.fromisoformat(text[: zone.start()] + ("+00:00" if name in ("Z", "UTC") else zone[1]))
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise ValueError(f"{text!r} is no date such as 2024-01-31 or 2024-01-31T10:00:00Z") from error


def _menu(value: Any) -> dict[str, Any]:
    """Our form; Hugo's `main` and `{main: {weight: 1, name: …}}` are turned into it."""
    if isinstance(value, dict) and isinstance(value.get("main"), dict):
        value = {"order": value["main"].get("weight"), "label": value["main"].get("name")}
    if isinstance(value, str | list):
        return {}
    if not isinstance(value, dict):
        raise ValueError("must hold label, order and parent")
    menu = {key: str(value[key]) for key in ("label", "parent") if value.get(key) is not None}
    order = value.get("order")
    if isinstance(order, int | float) and not isinstance(order, bool):
        return {**menu, "order": int(order)}
    return menu
