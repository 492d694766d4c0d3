"""One bucket by S3's HTTP API: four calls, signed by botocore, carried by the guarded client; failures as outcomes.

Keys are names as S3 has them, not yet percent-encoded. botocore is imported when something is signed: it takes 0.4 s,
and an installation without S3 does not have it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit, urlunsplit
from xml.parsers import expat

from pubsite.publishing.adapter import Connection
from pubsite.publishing.outcomes import DeliveryError, Denied, Failing, Limited, Rejected
from pubsite.publishing.wire import Reply, retry_after
from pubsite.storage.media_types import is_text

_FAILED = range(300, 1000)
_NOT_S3 = "What answers there is not S3: is base_url the endpoint, without the bucket?"


@dataclass(frozen=True, slots=True)
class Bucket:
    """The bucket of a connection's options (`bucket`, `region`, `path_style`), with its secret `access:secret`."""

    connection: Connection

    @property
    def name(self) -> str:
        return str(self.connection.options["bucket"])

    def url(self, key: str = "") -> str:
        """The address of an object at the endpoint."""
        scheme, host, path, _, _ = urlsplit(self.connection.base_url.rstrip("/"))
        if self.connection.options["path_style"]:
            path += f"/{self.name}"
        else:
            host = f"{self.name}.{host}"
        # What is not unreserved (RFC 3986 §2.3) is encoded once, as the signature has it too.
        return urlunsplit((scheme, host, f"{path}/{quote(key, safe='/~')}", "", ""))

    def get(self, key: str) -> bytes | None:
        """The bytes of an object, None where there is none; 1 MiB at most."""
        reply = self._call("GET", self.url(key), expect_missing=True)
        return reply.body if reply.status < 300 else None

    def put(self, key: str, body: bytes, media_type: str, cache_control: str = "") -> None:
        """Write an object, whole or not at all; safe to do again."""
        kind = f"{media_type}; charset=utf-8" if is_text(media_type) else media_type
        headers = {"Content-Type": kind, **({"Cache-Control": cache_control} if cache_control else {})}
        self._call("PUT", self.url(key), headers, body)

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine."""
        self._call("DELETE", self.url(key), expect_missing=True)

    def keys(self, prefix: str, most: int | None = None) -> Iterator[str]:
        """The keys that begin with a prefix, or the first of them."""
        query = {"list-type": "2", "prefix": prefix, **({"max-keys": str(most)} if most else {})}
        while True:
            # Sorted and with %20 for a space, since so they are signed.
            asked = urlencode(sorted(query.items()), quote_via=quote, safe="~")
            found = _elements(self._call("GET", f"{self.url()}?{asked}"))
            yield from (text for name, text in found if name == "Key")
            texts = dict(found)
            token = texts.get("NextContinuationToken")
            if most or texts.get("IsTruncated") != "true" or not token:
                return
            query["continuation-token"] = token

    def _call(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        expect_missing: bool = False,
    ) -> Reply:
        signed = self._signed(method, url, headers or {}, body)
        reply = self.connection.wire.call(method, url, headers=signed, body=body, expect=_FAILED)
        if reply.status in _FAILED:
            found = _error(reply)
            if not (expect_missing and reply.status == 404 and found.get("Code") == "NoSuchKey"):
                raise self._failure(method, reply, found)
        return reply

    def _signed(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        """The headers with a signature over them, the address and the body (AWS Signature Version 4)."""
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        access, _, secret = self.connection.secrets[0].partition(":")
        request = AWSRequest(method=method, url=url, headers=dict(headers), data=body)
        S3SigV4Auth(Credentials(access, secret), "s3", self.connection.options["region"]).add_auth(request)
        return {str(name): str(value) for name, value in request.headers.items()}

    def _failure(self, method: str, reply: Reply, found: Mapping[str, str]) -> Exception:
        """The outcome of an error of S3's (API reference, "Error responses")."""
        code, status, wire = found.get("Code", ""), reply.status, self.connection.wire
        told = wire.redacted(": ".join(text for text in (code, found.get("Message", "")) if text))
        if code == "NoSuchBucket":
            return Rejected(f"There is no bucket {self.name} there", code="no_bucket", http_status=status)
        if (region := found.get("Region")) and status in (301, 307, 400):
            text = f"The bucket is in region {region}: give that as region, and its endpoint as base_url"
            return Rejected(wire.redacted(text), code="wrong_region", http_status=status)
        if status == 403:
            hint = " (to learn that something is not there, s3:ListBucket is needed)" if method == "GET" else ""
            return Denied(f"It answered 403: {told}{hint if code == 'AccessDenied' else ''}", http_status=status)
        if code in ("SlowDown", "RequestLimitExceeded", "ServiceUnavailable", "TooManyRequests"):
            return Limited(f"It answered {status}: {told}", http_status=status, retry_after=retry_after(reply))
        if not code and 400 <= status < 500 and status not in (401, 408, 410, 429):
            return Rejected(_NOT_S3, code="not_s3", http_status=status)
        return wire.failure(method, reply, remark=told)


def _error(reply: Reply) -> dict[str, str]:
    """The fields of an `<Error>`; nothing where the body is no such thing."""
    try:
        return dict(_elements(reply))
    except DeliveryError:
        return {}


def _elements(reply: Reply) -> list[tuple[str, str]]:
    """The elements of a small XML document that hold text alone, by name, in their order.

    A document type is refused: it alone can declare entities, and S3 never sends one.
    """
    found: list[tuple[str, str]] = []
    texts: list[str] = []

    def refuse(*declaration: object) -> None:
        raise Failing(_NOT_S3, code="not_s3", http_status=reply.status)

    def start(name: str, attributes: object) -> None:
        texts.clear()

    def end(name: str) -> None:
        if texts:
            found.append((name, "".join(texts)))
        texts.clear()

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, texts.append
    try:
        parser.Parse(reply.body, True)
    except expat.ExpatError as error:
        raise Failing(_NOT_S3, code="not_s3", http_status=reply.status) from error
    return found
