"""One GET of a JSON document of an issuer's, over the client of every outgoing call, with bounds of its own."""

from __future__ import annotations

from typing import Any

from pubsite.outgoing import Allowed, Client, OutgoingError

CONNECT_SECONDS = 3
TOTAL_SECONDS = 5
MOST_BYTES = 262_144


class FetchFailed(Exception):
    """The document cannot be had now; the message says why."""


def fetch_json(url: str, *, seconds: float = TOTAL_SECONDS) -> Any:
    """The document at an http or https URL, within `seconds` of connecting; raises FetchFailed.

    The URL is the operator's, in the file of issuers: its host and port may be private, and nothing else may.
    """
    try:
        client = Client(
            Allowed.only(url), connect_seconds=CONNECT_SECONDS, total_seconds=seconds, most_bytes=MOST_BYTES
        )
        answer = client.send("GET", url, headers={"Accept": "application/json, application/jwk-set+json"})
    except (OutgoingError, ValueError) as error:
        raise FetchFailed(str(error)) from error
    if answer.status != 200:
        raise FetchFailed(f"it answers {answer.status}")
    try:
        return answer.json()
    except ValueError as error:
        raise FetchFailed("the answer is not JSON") from error
