"""How an outgoing call fails. The three kinds differ in what the other end may have seen, which decides about a retry.

OutgoingError
├── Refused        nothing was sent, and the same call will not be sent later either
├── Unreachable    nothing of the request was sent
└── Cut            something was sent, and no whole answer came: the other end may have done it

Messages are for the one who named the end: they hold its host and port, never a path (webhooks hide secrets there), a
header, or an address that a name resolved to.
"""

from __future__ import annotations

from pubsite.errors import PubsiteError


class OutgoingError(PubsiteError):
    code = "outgoing"


class Refused(OutgoingError):
    """The form of the URL, its scheme, or one of the addresses behind its host is not allowed."""

    code = "address_refused"


class Unreachable(OutgoingError):
    """No address, no connection, or no trustworthy TLS."""

    code = "unreachable"


class Cut(OutgoingError):
    """Timed out, reset, malformed, or larger than what is read."""

    code = "no_answer"
