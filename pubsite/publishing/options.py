"""The options of a kind's `config`: name, type, default and help of each: checked, and described as JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pubsite.errors import FieldError, Invalid

Type = Literal["text", "boolean", "choice", "texts"]
MOST_TEXTS = 100


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `default` None: it must be given. `pattern`: what a text must match, told as `what`."""

    name: str
    type: Type
    help: str
    default: Any = ""
    choices: tuple[str, ...] = ()
    longest: int = 1024
    pattern: re.Pattern[str] | None = None
    what: str = ""

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value, or None."""
        if self.type == "boolean":
            return None if isinstance(value, bool) else "must be true or false"
        if self.type == "choice":
            return None if value in self.choices else "must be one of " + ", ".join(self.choices)
        if self.type == "texts":
            good = isinstance(value, list | tuple) and len(value) <= MOST_TEXTS
            return next(filter(None, map(self._text_problem, value)), None) if good else "must be an array of strings"
        return self._text_problem(value)

    def _text_problem(self, value: Any) -> str | None:
        if not isinstance(value, str):
            return "must be a string" if self.type == "text" else "must be an array of strings"
        if len(value) > self.longest:
            return f"must have at most {self.longest} characters"
        if re.search(r"[\x00-\x1f\x7f]", value):
            return "must not hold control characters"
        if self.pattern is not None and not self.pattern.fullmatch(value):
            return f"must be {self.what}"
        return None

    def schema(self) -> dict[str, Any]:
        """Its JSON Schema."""
        by_type: dict[str, dict[str, Any]] = {
            "text": {"type": "string", "maxLength": self.longest},
            "boolean": {"type": "boolean"},
            "choice": {"enum": list(self.choices)},
            "texts": {
                "type": "array",
                "items": {"type": "string", "maxLength": self.longest},
                "maxItems": MOST_TEXTS,
            },
        }
        found = {**by_type[self.type], "description": self.help}
        if self.default is not None:
            found["default"] = list(self.default) if isinstance(self.default, tuple) else self.default
        return found


# Of every kind, read by the services alone.
COMMON = (
    Option("follow", "boolean", "Send a page again by itself when a new state of it goes live.", default=False),
    Option("before_live", "boolean", "Send a page as it is saved, whether or not it is live.", default=False),
    Option("canonical", "choice", "Where search engines are pointed: to our page, or nowhere.", "site",
           choices=("site", "none")),
)  # fmt: skip


def checked(options: Sequence[Option], config: Mapping[str, Any]) -> dict[str, Any]:
    """The config as it was sent; raises Invalid that names every wrong, unknown or missing option."""
    known = {option.name: option for option in (*COMMON, *options)}
    errors = [FieldError("body", f"config.{name}", "is not known") for name in config if name not in known]
    for name, option in known.items():
        if name in config:
            if problem := option.problem(config[name]):
                errors.append(FieldError("body", f"config.{name}", problem))
        elif option.default is None:
            errors.append(FieldError("body", f"config.{name}", "is required"))
    if errors:
        raise Invalid.of(errors)
    return dict(config)


def complete(options: Sequence[Option], config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with every default filled in."""
    defaults = {option.name: option.default for option in (*COMMON, *options) if option.default is not None}
    return {**{k: list(v) if isinstance(v, tuple) else v for k, v in defaults.items()}, **config}


def schema(options: Sequence[Option]) -> dict[str, Any]:
    """The JSON Schema of a config."""
    listed = (*COMMON, *options)
    found: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {option.name: option.schema() for option in listed},
    }
    if needed := [option.name for option in listed if option.default is None]:
        found["required"] = needed
    return found
