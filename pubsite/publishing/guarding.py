"""Around what an adapter does: whatever comes out of it holds none of our secrets, and is an outcome.

The other end may echo what it was sent, in a name, an address or an error; and a mistake of ours may put it into an
exception.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from pubsite.errors import PubsiteError
from pubsite.publishing.adapter import Remote
from pubsite.publishing.outcomes import Rejected, Unsure
from pubsite.publishing.wire import Wire

INTERNAL = "internal_error"
log = logging.getLogger(__name__)


@contextmanager
def guarded(wire: Wire) -> Iterator[None]:
    """Rid the messages of errors of secrets; an error that nobody foresaw is logged, and Unsure."""
    try:
        yield
    except PubsiteError as error:
        error.message = wire.hidden(error.message)
        error.args = (error.message,)
        raise
    except Exception as error:
        log.error("an adapter broke: %s", wire.hidden("".join(traceback.format_exception(error))))
        raise Unsure("An unexpected error; the server's log tells more", code=INTERNAL) from None


def told(wire: Wire, remote: Remote | None) -> Remote | None:
    """What stands there, without secrets; raises Rejected where the id itself holds one: it could not be kept."""
    if remote is None:
        return None
    if wire.hidden(remote.external_id) != remote.external_id:
        raise Rejected("It names the page by our secret, which cannot be kept", code="secret_told")
    notes = tuple(wire.redacted(note) for note in remote.notes)
    return replace(remote, url=wire.hidden(remote.url), notes=notes)
