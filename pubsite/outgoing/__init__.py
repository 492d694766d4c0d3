"""Every call that the server makes to others: one HTTP client that reaches public addresses only, and comes to an end.

Users name the ends (destinations, webhooks), so an end may be anything: an address of the inner network, a name that
changes between two look-ups, a receiver that drips, floods or lies. Knows nothing of what is sent, and to whom.
"""

from __future__ import annotations

from pubsite.outgoing.allowed import Allowed
from pubsite.outgoing.answers import Answer
from pubsite.outgoing.client import Client
from pubsite.outgoing.errors import Cut, OutgoingError, Refused, Unreachable
from pubsite.outgoing.urls import url_problem

__all__ = ["Allowed", "Answer", "Client", "Cut", "OutgoingError", "Refused", "Unreachable", "url_problem"]
