"""The guarded client as a Sender: its failures in the words of deliveries."""

from __future__ import annotations

from collections.abc import Mapping

from pubsite.outgoing import Client, Cut, Refused, Unreachable
from pubsite.publishing.outcomes import Down, Rejected, Unsure
from pubsite.publishing.wire import Reply, Sender


def sender(client: Client) -> Sender:
    """What wires send through: raises Rejected, Down or Unsure where no answer comes."""

    def send(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        try:
            return client.send(method, url, headers=headers, body=body)
        except Refused as error:
            raise Rejected(error.message, code="address_refused") from error
        except Unreachable as error:
            raise Down(error.message) from error
        except Cut as error:
            raise Unsure(error.message) from error

    return send
