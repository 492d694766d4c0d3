r"""Schemas of the API's document that stand behind a name: patterns of paths and times, JSON values, the two errors.

The patterns are those of JSON Schema (ECMA-262), and say in one line what `models.paths` and `schema` check in
several; tests hold each to its check. What no pattern can say (bytes, how letters combine) stands in a description.
"""

from __future__ import annotations

from typing import Any

from pubsite.models.paths import FILE_PATH_BYTES, PAGE_PATH_LENGTH, REDIRECT_STATUSES, SEGMENT_BYTES
from pubsite.services.publishers import NAME_LENGTH, RESERVED
from pubsite.services.trees import MOST_FILES
from pubsite.signing import SCOPES

Schema = dict[str, Any]

NO_NUL = r"^[^\x00]*$"
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
# Characters that no text in Unicode's normal form NFC has (NFC_Quick_Check=No in DerivedNormalizationProps.txt).
_NEVER_IN_NFC = (
    r"\u0340\u0341\u0343\u0344\u0374\u037e\u0387\u0958-\u095f\u09dc\u09dd\u09df\u0a33\u0a36\u0a59-\u0a5b\u0a5e"
    r"\u0b5c\u0b5d\u0f43\u0f4d\u0f52\u0f57\u0f5c\u0f69\u0f73\u0f75\u0f76\u0f78\u0f81\u0f93\u0f9d\u0fa2\u0fa7\u0fac"
    r"\u0fb9\u1f71\u1f73\u1f75\u1f77\u1f79\u1f7b\u1f7d\u1fbb\u1fbe\u1fc9\u1fcb\u1fd3\u1fdb\u1fe3\u1feb\u1fee\u1fef"
    r"\u1ff9\u1ffb\u1ffd\u2000\u2001\u2126\u212a\u212b\u2329\u232a\u2adc\uf900-\ufa0d\ufa10\ufa12\ufa15-\ufa1e\ufa20"
    r"\ufa22\ufa25\ufa26\ufa2a-\ufa6d\ufa70-\ufad9\ufb1d\ufb1f\ufb2a-\ufb36\ufb38-\ufb3c\ufb3e\ufb40\ufb41\ufb43"
    r"\ufb44\ufb46-\ufb4e"
    "\U0001d15e-\U0001d164\U0001d1bb-\U0001d1c0\U0002f800-\U0002fa1d"
)
_PAGE_CHARACTER = rf"[^{_CONTROL}\\?#{_NEVER_IN_NFC}]"
_PAGE_PATH = rf"^(?!.*//)(?!.*/\.\.?(?:/|$))/{_PAGE_CHARACTER}*$"
_IGNORED = r"[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]*"


def _hidden(*letters: str) -> str:
    """Those letters, with any number of characters between them that some file systems pass over."""
    return _IGNORED + _IGNORED.join(letters) + _IGNORED


_DEVICE = (
    r"(?:[cC][oO][nN]|[pP][rR][nN]|[aA][uU][xX]|[nN][uU][lL]|[cC][oO][nN](?:[iI][nN]|[oO][uU][tT])\$"
    r"|(?:[cC][oO][mM]|[lL][pP][tT])[0-9\u00b9\u00b2\u00b3]) *(?:\.[^/]*)?"
)
_GIT = f"{_hidden(r'[.]', '[gG]', '[iI]', '[tT]')}|{_hidden('[gG]', '[iI]', '[tT]', '~', '1')}"
_FILE_CHARACTER = rf"{_CONTROL}\\:/{_NEVER_IN_NFC}"
# No segment is empty, too long, ends with a dot or a space, or is a name that some system takes for something else.
_SEGMENT = rf"(?!(?:{_DEVICE}|{_GIT})(?:/|$))[^{_FILE_CHARACTER}]{{0,{SEGMENT_BYTES - 1}}}[^. {_FILE_CHARACTER}]"
_FILE_PATH = f"^(?:{_SEGMENT}/)*{_SEGMENT}"

_HOURS, _MINUTES = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]"
_DAY = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
# The first and the last day of all lie outside of the calendar in some zones.
_DATE = f"(?!0000|0001-01-01T|9999-12-31T)(?:[0-9]{{4}}-{_DAY}|{_LEAP_YEAR}-02-29)"
_TIME = rf"T{_HOURS}:{_MINUTES}(?::{_MINUTES}(?:\.[0-9]{{1,9}})?)?(?:Z|[+-]{_HOURS}:?{_MINUTES})"

_ERRORS_OF_FIELDS = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}
_ERROR_COMMON: Schema = {
    "id": {"type": "string", "description": "The object that is there already, where telling it helps."},
    "request_id": {"type": "string", "description": "As in `X-Request-Id`."},
}

SHARED: dict[str, Schema] = {
    "PagePath": {
        "type": "string",
        "minLength": 1,
        "maxLength": PAGE_PATH_LENGTH,
        "pattern": _PAGE_PATH,
        "description": "A path of a site: begins with `/`, in Unicode's normal form NFC, without empty, `.` and `..` "
        "segments, control characters, `\\`, `?` and `#`. `/a` and `/a/` are one path, and so are `/A` and `/a`.",
    },
    "OutputPath": {
        "type": "string",
        "minLength": 2,
        "maxLength": PAGE_PATH_LENGTH,
        "pattern": _PAGE_PATH.replace("^", "^(?!.*/$)", 1),
        "description": "The path of a file that a build writes: one of a site, without a slash at its end.",
    },
    "RedirectTarget": {
        "type": "string",
        "minLength": 1,
        "maxLength": PAGE_PATH_LENGTH,
        "pattern": rf"^(?:/(?![/\\])|[hH][tT][tT][pP][sS]?://[^/\\\s?#@{_CONTROL}])[^\s\\{_CONTROL}]*$",
        "description": "Where a redirect leads: `/path`, or a whole http or https URL.",
    },
    "PublisherName": {
        "type": "string",
        "minLength": 1,
        "maxLength": NAME_LENGTH,
        "pattern": rf"^(?!(?:{'|'.join(sorted(RESERVED))})$)(?!(-?[0-9a-f]){{32}}$)[a-z0-9]+(?:-[a-z0-9]+)*$",
        "description": "Lower-case letters, digits and single hyphens between them; no reserved word, no UUID.",
    },
    "Scopes": {
        "type": "array",
        "minItems": 1,
        "maxItems": len(SCOPES),
        "items": {"enum": list(SCOPES)},
        "description": "What a token may do; never more than the one that makes it.",
    },
    "RedirectStatus": {"enum": sorted(REDIRECT_STATUSES)},
    "FilePath": {
        "type": "string",
        "minLength": 1,
        "maxLength": FILE_PATH_BYTES,
        "pattern": _FILE_PATH + "$",
        "description": f"A path in a tree: relative, in Unicode's normal form NFC, at most {FILE_PATH_BYTES} bytes, "
        f"{SEGMENT_BYTES} a segment; no control characters, `\\`, `:`, names of devices, `.git`, or its disguises.",
    },
    "FolderPath": {
        "type": "string",
        "minLength": 1,
        "maxLength": FILE_PATH_BYTES,
        "pattern": _FILE_PATH + "/?$",
        "description": "As a FilePath; may end with a slash.",
    },
    "DirectoryPath": {
        "type": "string",
        "maxLength": FILE_PATH_BYTES,
        "pattern": f"^(?:{_FILE_PATH.removeprefix('^')}/?)?$",
        "description": "As a FolderPath; empty for the root.",
    },
    "FileText": {
        "type": "string",
        "pattern": NO_NUL,
        "description": "A file's content; its limit is one of bytes in UTF-8.",
    },
    "TreeFiles": {
        "type": "object",
        "maxProperties": MOST_FILES,
        "propertyNames": {"$ref": "#/components/schemas/FilePath"},
        "additionalProperties": {"$ref": "#/components/schemas/Digest"},
    },
    "Digest": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "A sha256 in lower-case hex."},
    "Timestamp": {
        "type": "string",
        "pattern": f"^{_DATE}(?:{_TIME})?$",
        "description": "An ISO 8601 date, or time with its zone, such as `2026-01-31T12:00:00Z`.",
        "examples": ["2026-01-31T12:00:00Z"],
    },
    "JsonValue": {
        "description": "Any JSON, nested 64 deep at most. A number that is written as an integer, without fraction and "
        "exponent, lies within 2^53, since JavaScript would round it.",
        "anyOf": [
            {"type": "null"},
            {"type": "boolean"},
            {"type": "number"},
            {"type": "string", "pattern": NO_NUL},
            {"type": "array", "items": {"$ref": "#/components/schemas/JsonValue"}},
            {
                "type": "object",
                "propertyNames": {"pattern": NO_NUL},
                "additionalProperties": {"$ref": "#/components/schemas/JsonValue"},
            },
        ],
    },
    "Error": {
        "type": "object",
        "description": "What went wrong; `errors` names every field that is to blame.",
        "required": ["statusCode", "message"],
        "additionalProperties": False,
        "properties": {
            "statusCode": {"type": "integer", "minimum": 400, "maximum": 599},
            "message": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["location", "name", "message"],
                    "additionalProperties": False,
                    "properties": {name: {"type": "string"} for name in ("location", "name", "message")},
                },
            },
            **_ERROR_COMMON,
        },
    },
    "EnvelopeError": {
        "type": "object",
        "description": "What went wrong; `code` is stable, `errors` has the messages of each field to blame.",
        "required": ["success", "error"],
        "additionalProperties": False,
        "properties": {
            "success": {"const": False},
            "error": {"type": "string"},
            "code": {"type": "string"},
            "errors": _ERRORS_OF_FIELDS,
            **_ERROR_COMMON,
        },
    },
}
