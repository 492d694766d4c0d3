"""Ends that never answer, drip, flood or send a bomb, met by deliveries with the times that the server really has:
each worker thread is free again within 20 seconds and a little, and has read no more than an answer may have.

Takes a minute. Ends with exit code 1 where a thread was kept. Loopback only.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import time
import zlib
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.conftest import Tenant, new_tenant, running_server
from tests.receivers import dripping, endless, receiver, silent

BASE = "/api/v1/publisher"
HEAD = b"HTTP/1.1 200 OK\r\n"
BOMB = zlib.compress(bytes(300_000_000), 9, wbits=31)


def mute(connection: socket.socket) -> None:
    connection.settimeout(60)
    silent(connection)


SCRIPTS = {
    "silent": mute,
    "drip": dripping(HEAD + b"\r\n", seconds=1),
    "dripping headers": dripping(HEAD, b"X: y\r\n", seconds=1),
    "flood": endless(HEAD + b"\r\n", b"x" * 65_536),
    "flood of headers": endless(HEAD, b"X: y\r\n" * 1000),
    "bombs": endless(HEAD + b"Content-Encoding: gzip\r\n\r\n", BOMB),
}
LONGEST = 22.0


def main() -> int:
    kept = 0
    with tempfile.TemporaryDirectory() as folder:
        ini = {"pubsite.development": "true", "pubsite.data_dir": f"{folder}/data", "pubsite.delivery_threads": "1"}
        with contextmanager(running_server)(ini) as server:
            tenant = new_tenant(server)
            site = tenant.site("docs")
            for name, script in SCRIPTS.items():
                page = tenant.page("docs", f"/{name.replace(' ', '-')}", "<p>Hello</p>")
                with receiver(script) as end:
                    took = _took(tenant, site["id"], page["id"], end.url)
                    end.ended.set()
                kept += took > LONGEST
                print(f"{name}: {took:.1f} s{'' if took <= LONGEST else ', too long'}")
    return 1 if kept else 0


def _took(tenant: Tenant, site_id: str, page_id: str, url: str) -> float:
    """The seconds from the wish to the end of the try."""
    body = {"site_id": site_id, "name": "Slow", "type": "webhook", "base_url": url, "config": {"before_live": True}}
    made = tenant.client.post(f"{BASE}/destinations/", body, status=201).json["data"]
    started = time.monotonic()
    sent = {"content_id": page_id, "destination_ids": [made["id"]]}
    (answer,) = tenant.client.post(f"{BASE}/publish/", sent, status=202).json["data"]["records"]
    at = f"{BASE}/publishing-records/{answer['record']['id']}/"
    while "error_code" not in (shown := tenant.client.get(at).json["data"]):
        if time.monotonic() - started > 3 * LONGEST:
            break
        time.sleep(0.1)
    took = time.monotonic() - started
    assert shown.get("error_code", "no_answer") == "no_answer", shown
    if "error_code" in shown:
        tenant.client.delete(at, status=204)
    return took


if __name__ == "__main__":
    sys.exit(main())
