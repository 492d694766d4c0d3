"""The guarded client as destinations use it: its failures become outcomes of a delivery."""

from __future__ import annotations

from collections.abc import Mapping

from pubsite.outgoing import Client, Cut, Refused, Unreachable, url_problem
from pubsite.publishing.outcomes import Down, Rejected, Unsure
from pubsite.publishing.wire import Reply, Sender

__all__ = ["sender", "url_problem"]


def sender(client: Client) -> Sender:
    """Sends by `client`; raises Rejected where nothing may be sent, Down where nothing was, Unsure where something."""

    def send(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        try:
            return client.send(method, url, headers=headers, body=body)
        except Refused as error:
            raise Rejected(error.message, code=error.code) from error
        except Unreachable as error:
            raise Down(error.message, code=error.code) from error
        except Cut as error:
            raise Unsure(error.message, code=error.code) from error
        except ValueError as error:  # a header that HTTP cannot carry, made of what somebody gave as a secret
            raise Rejected(
                "The secret, or an option, has characters that no header can hold", code="bad_header"
            ) from error

    return send
