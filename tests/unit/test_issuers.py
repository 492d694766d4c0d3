"""Outside issuers: which of their tokens are good, what they may do, and how their keys are had."""

from __future__ import annotations

import contextlib
import hmac
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pubsite.errors import SettingsError, Unauthorized, Unavailable
from pubsite.issuers import Issuers, OutsideClaims, fetch
from pubsite.issuers.fetch import FetchFailed, fetch_json
from pubsite.issuers.keys import FAMILIES, FetchedKeys
from pubsite.signing import SCOPES, jws
from tests import jwks
from tests.jwks import ALGORITHMS, AUDIENCE, ISSUER, Provider, private_key, provider, public_jwk, token


def entry(algorithm: str = "ES256", **more: Any) -> dict[str, Any]:
    """A good entry of the file but for what is given; None leaves a key out."""
    given = {"keys": [public_jwk(algorithm)], "issuer": ISSUER, "audience": AUDIENCE, "algorithms": algorithm, **more}
    return {name: value for name, value in given.items() if value is not None}


def load(folder: Path, *entries: Any) -> Issuers:
    path = folder / "issuers.json"
    path.write_text(json.dumps(list(entries)))
    return Issuers.load(str(path))


def verify(issuers: Issuers, text: str) -> OutsideClaims:
    read = jws.read(text)
    issuer = issuers.of(read)
    if issuer is None:
        raise Unauthorized
    return issuer.verify(read)


@pytest.fixture
def es256(tmp_path: Path) -> Issuers:
    return load(tmp_path, entry())


# Tokens


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("form", ["jwk", "pem"])
def test_a_token_of_each_family_is_good_by_a_key_in_either_form(tmp_path: Path, algorithm: str, form: str) -> None:
    public = private_key(algorithm).public_key()
    issuers = load(tmp_path, entry(algorithm, keys=[public_jwk(algorithm) if form == "jwk" else jwks.pem(public)]))
    claims = verify(issuers, token(algorithm))
    assert (claims.issuer, claims.name, claims.subject) == (ISSUER, "id.example.org", "ann")
    assert claims.scopes == set(SCOPES)
    assert verify(issuers, token(algorithm, headers={"kid": None})).subject == "ann"
    with pytest.raises(Unauthorized):
        verify(issuers, token(algorithm, 1, headers={"kid": "key-0"}))


def test_an_eddsa_token_may_call_its_algorithm_by_the_newer_name(tmp_path: Path) -> None:
    issuers = load(tmp_path, entry("EdDSA"))
    key = private_key("EdDSA")
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": int(time.time()) + 60}
    assert verify(issuers, jws.write({"alg": "Ed25519"}, claims, key.sign)).subject == "ann"


def test_a_key_is_never_used_as_what_it_is_not(tmp_path: Path) -> None:
    """The public key of RS256 as the secret of HS256; and every family's token for every other's issuer."""
    public = jwks.pem(private_key("RS256").public_key())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": int(time.time()) + 60}
    for header in ({"alg": "HS256"}, {"alg": "none"}, {"alg": "RS256"}, {"alg": "HS256", "kid": "key-0"}):
        forged = jws.write(header, claims, lambda signed: hmac.digest(public.encode(), signed, "sha256"))
        with pytest.raises(Unauthorized):
            verify(load(tmp_path, entry("RS256", keys=[public])), forged)
    for family in ALGORITHMS:
        for algorithm in set(ALGORITHMS) - {family}:
            with pytest.raises(Unauthorized):
                verify(load(tmp_path, entry(family)), token(algorithm))
    other_padding = jwt.encode(claims, private_key("RS256"), algorithm="PS256")
    with pytest.raises(Unauthorized):
        verify(load(tmp_path, entry("RS256")), other_padding)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://id.example.org/"},
        {"iss": None},
        {"iss": ["https://id.example.org"]},
        {"aud": None},
        {"aud": "other"},
        {"aud": []},
        {"aud": ["other", 7, AUDIENCE]},
        {"aud": {"pubsite": 1}},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\0b"},
        {"sub": "\ud800"},
        {"sub": "a" * 1025},
        {"exp": None},
        {"exp": 1},
        {"exp": 1e12},
        {"exp": True},
        {"exp": "9999999999"},
        {"exp": 10**30},
        {"nbf": 9_999_999_999},
        {"iat": 9_999_999_999},
        {"iat": "now"},
        {"scope": 7},
        {"scope": {"read": True}},
        {"scope": ["read", 7]},
    ],
)
def test_a_claim_that_is_wrong_or_missing_is_unauthorized(es256: Issuers, claims: dict[str, Any]) -> None:
    key = private_key("ES256")
    now = int(time.time())
    whole = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + 60, **claims}
    given = {name: value for name, value in whole.items() if value is not None}
    algorithm = jwt.get_algorithm_by_name("ES256")
    text = jws.write({"alg": "ES256"}, given, lambda signed: algorithm.sign(signed, key))
    with pytest.raises(Unauthorized, match=r"\AUnauthorized\Z"):
        verify(es256, text)


@pytest.mark.parametrize(
    "headers",
    [
        {"crit": ["x"], "x": 1},
        {"typ": "logout+jwt"},
        {"kid": "key-1"},
        {"kid": "x", "jwk": {}, "jku": "http://127.0.0.1:1/"},
    ],
)
def test_a_header_that_is_wrong_is_unauthorized(es256: Issuers, headers: dict[str, Any]) -> None:
    header = {"alg": "ES256", **headers}
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": int(time.time()) + 60}
    algorithm, key = jwt.get_algorithm_by_name("ES256"), private_key("ES256")
    with pytest.raises(Unauthorized):
        verify(es256, jws.write(header, claims, lambda signed: algorithm.sign(signed, key)))


@pytest.mark.parametrize(
    ("claims", "allowed", "scopes"),
    [
        ({}, None, {"read", "write", "deploy", "admin"}),
        ({}, ["read"], {"read"}),
        ({"scope": "openid profile"}, ["read", "write"], {"read", "write"}),
        ({"scope": "openid read"}, ["read", "write"], {"read"}),
        ({"scope": "read admin"}, ["read", "write"], {"read"}),
        ({"scope": "admin"}, ["read", "write"], set()),
        ({"scope": ["read", "deploy x"]}, None, {"read", "deploy"}),
        ({"scope": ""}, ["read"], {"read"}),
    ],
)
def test_scopes_are_those_of_the_entry_narrowed_by_the_token(
    tmp_path: Path, claims: dict[str, Any], allowed: list[str] | None, scopes: set[str]
) -> None:
    assert verify(load(tmp_path, entry(scopes=allowed)), token(**claims)).scopes == scopes


def test_scopes_may_stand_in_another_claim(tmp_path: Path) -> None:
    issuers = load(tmp_path, entry(scope_claim="https://example.org/permissions"))
    claims = {"scope": "admin", "https://example.org/permissions": ["read"]}
    assert verify(issuers, token(**claims)).scopes == {"read"}


@pytest.mark.parametrize(
    ("claims", "email"),
    [
        ({"email": "ann@example.org", "email_verified": True}, "ann@example.org"),
        ({"email": "ann@example.org"}, None),
        ({"email": "ann@example.org", "email_verified": "true"}, None),
        ({"email": "ann@example.org", "email_verified": False}, None),
        ({"email": 7, "email_verified": True}, None),
        ({"email": "nobody", "email_verified": True}, None),
        ({"email": "a\n@b", "email_verified": True}, None),
        ({"email": "a" * 250 + "@b.example", "email_verified": True}, None),
    ],
)
def test_an_email_counts_when_the_issuer_has_verified_it(
    es256: Issuers, claims: dict[str, Any], email: str | None
) -> None:
    assert verify(es256, token(**claims)).email == email


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["iss", "aud", "sub", "exp", "nbf", "iat", "scope", "email"]), _VALUES))
def test_no_claims_whatever_break_it(es256: Issuers, claims: dict[str, Any]) -> None:
    whole = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": int(time.time()) + 60, **claims}
    algorithm, key = jwt.get_algorithm_by_name("ES256"), private_key("ES256")
    text = jws.write({"alg": "ES256"}, whole, lambda signed: algorithm.sign(signed, key))
    with contextlib.suppress(Unauthorized):
        assert verify(es256, text).scopes <= set(SCOPES)


# The file


def test_no_file_is_no_issuers_and_ours_is_none_of_them() -> None:
    assert Issuers.load("").of(jws.read(token())) is None


RSA_1024 = jwks.jwk("RS256", private_key("RS256", bits=1024).public_key())
P384 = ec.generate_private_key(ec.SECP384R1()).public_key()


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([7], "issuer 1 .*must be an object"),
        ([entry(issuer=None)], "`issuer` must be a text"),
        ([entry(issuer="")], "`issuer` must be a text"),
        ([entry(issuer="a\nb")], "`issuer` must be a text"),
        ([entry(issuer="pubsite")], "'pubsite' is this server's own"),
        ([entry(), entry()], r"issuer 2 \('https://id.example.org'\): stands here twice"),
        ([entry(issuer=f"{ISSUER}/a"), entry(issuer=f"{ISSUER}/b")], "called 'id.example.org' too"),
        ([entry(audience=None)], "`audience` must be"),
        ([entry(audience=[])], "`audience` must be"),
        ([entry(audience=[7])], "`audience` must be"),
        ([entry(algorithms=None)], "`algorithms` must be a text"),
        ([entry(algorithms=["ES256"])], "`algorithms` must be a text"),
        ([entry(algorithms="HS256")], "`algorithms` must be one of RS256, ES256, EdDSA"),
        ([entry(algorithms="none")], "`algorithms` must be one of"),
        ([entry(keys=None)], "either `keys` or `jwks_url`"),
        ([entry(jwks_url="https://id.example.org/k")], "either `keys` or `jwks_url`"),
        ([entry(keys=[])], "`keys` must be an array"),
        ([entry(keys={})], "`keys` must be an array"),
        ([entry(keys=[7])], "key 1 must be a PEM text or a JWK object"),
        ([entry(keys=["secret"])], "key 1 is no PEM public key"),
        ([entry(keys=[jwks.private_pem(private_key("ES256"))])], "key 1 is a private key"),
        ([entry(keys=[public_jwk("ES256"), jwks.jwk("ES256", private_key("ES256"))])], "key 2 is a private key"),
        ([entry(keys=[{"kty": "oct", "k": "c2VjcmV0"}])], r"key 1 is a secret \(oct\)"),
        ([entry(keys=[{}])], "key 1 is not for ES256"),
        ([entry(keys=[public_jwk("ES256", use="enc")])], "key 1 is not for ES256"),
        ([entry(keys=[public_jwk("ES256", alg="ES512")])], "key 1 is not for ES256"),
        ([entry(keys=[public_jwk("ES256", key_ops=["sign"])])], "key 1 is not for ES256"),
        ([entry(keys=[public_jwk("RS256")])], "key 1 is not for ES256"),
        ([entry(keys=[public_jwk("ES256") | {"x": "AAAA"}])], "key 1 is no JWK of a public key"),
        ([entry(keys=[public_jwk("ES256") | {"x": "A" * 43}])], "key 1 is no JWK of a public key"),
        ([entry(keys=[public_jwk("ES256") | {"x": 7}])], "key 1 is no JWK of a public key"),
        ([entry(keys=[jwks.pem(private_key("RS256").public_key())])], "key 1 is of another kind"),
        ([entry(keys=[jwks.pem(P384)])], "key 1 is of another kind"),
        ([entry("RS256", keys=[RSA_1024])], "key 1 has 1024 bits"),
        ([entry("RS256", keys=[jwks.pem(private_key("RS256", bits=1024).public_key())])], "key 1 has 1024 bits"),
        ([entry(keys=None, jwks_url="http://id.example.org/k")], "must begin with https://"),
        ([entry(keys=None, jwks_url="http://127.0.0.1.example.org/k")], "must begin with https://"),
        ([entry(keys=None, jwks_url="ftp://127.0.0.1/k")], "must begin with https://"),
        ([entry(keys=None, jwks_url="https://u:p@id.example.org/k")], "without a user"),
        ([entry(keys=None, jwks_url="https://id.example.org:x/k")], "is no URL"),
        ([entry(keys=None, jwks_url="https:///k")], "a URL with a host"),
        ([entry(keys=None, jwks_url="https://id.example.org\\k")], "must hold none of the characters"),
        ([entry(scopes=["read", "root"])], "`scopes` may hold read, write, deploy, admin, not root"),
        ([entry(scopes=[])], "`scopes` must be"),
        ([entry(scope_claim=7)], "`scope_claim` must be"),
        ([entry(name="a@b")], "without @"),
        ([entry(issuer="https://" + "a" * 101)], "needs a `name`"),
        ([entry(alogrithms="ES256", zzz=1)], "unknown keys: alogrithms, zzz"),
    ],
)
def test_whatever_is_wrong_in_the_file_stops_the_start_and_is_named(
    tmp_path: Path, entries: list[Any], says: str
) -> None:
    with pytest.raises(SettingsError, match=rf"issuers_file .*{says}") as caught:
        load(tmp_path, *entries)
    assert "PRIVATE" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("{}", "must hold an array"),
        ("[" * 100_000, "not JSON"),
        ('[{"a": 1, "a": 2}]', "stands twice"),
    ],
)
def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "issuers.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match=says):
        Issuers.load(str(path))
    with pytest.raises(SettingsError, match="No such file"):
        Issuers.load(str(tmp_path / "none.json"))


# Keys that are fetched


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def asks(keys: FetchedKeys, text: str) -> bool | None:
    """Whether a token is good; None: come again."""
    try:
        return keys.verify(jws.read(text))
    except Unavailable:
        return None


def fetched(served: Provider, clock: Clock, algorithm: str = "ES256") -> FetchedKeys:
    return FetchedKeys(FAMILIES[algorithm], served.url, clock=clock)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_keys_are_fetched_once_and_again_when_they_are_old(algorithm: str) -> None:
    clock = Clock()
    others = [public_jwk(other) for other in ALGORITHMS] + [7, {}, {"kty": "oct"}, RSA_1024]
    with provider(*others) as served:
        keys = fetched(served, clock, algorithm)
        assert served.fetches == 0
        assert all(asks(keys, token(algorithm)) for _ in range(50))
        assert served.fetches == 1
        clock.now += 299
        assert asks(keys, token(algorithm))
        assert served.fetches == 1
        clock.now += 2
        assert asks(keys, token(algorithm))
        assert served.fetches == 2


def test_a_token_of_another_family_makes_nobody_fetch(tmp_path: Path) -> None:
    with provider() as served:
        issuers = load(tmp_path, entry(keys=None, jwks_url=served.url))
        for wrong in (token("RS256"), token(aud="x"), token(exp=1), token(sub=""), token(scope=7)):
            with pytest.raises(Unauthorized):
                verify(issuers, wrong)
        assert served.fetches == 0


def test_new_keys_are_found_by_their_kid_and_withdrawn_ones_end() -> None:
    clock = Clock()
    with provider(public_jwk("ES256")) as served:
        keys = fetched(served, clock)
        assert asks(keys, token()) is True
        clock.now += 31
        served.keys = [public_jwk("ES256", 1)]
        assert asks(keys, token(number=1)) is True
        assert served.fetches == 2
        clock.now += 31
        assert asks(keys, token()) is False
        assert served.fetches == 3
        served.keys = []  # an issuer in distress
        clock.now += 301
        assert asks(keys, token(number=1)) is False
        assert served.fetches == 4


def test_new_keys_are_found_without_a_kid_too() -> None:
    clock = Clock()
    with provider(public_jwk("ES256")) as served:
        keys = fetched(served, clock)
        assert asks(keys, token(headers={"kid": None})) is True
        clock.now += 31
        served.keys = [public_jwk("ES256", 1)]
        assert asks(keys, token(number=1, headers={"kid": None})) is True
        assert served.fetches == 2


def test_a_flood_of_unknown_kids_costs_one_fetch_in_thirty_seconds() -> None:
    clock = Clock()
    with provider(public_jwk("ES256")) as served:
        keys = fetched(served, clock)
        assert asks(keys, token()) is True
        for minute in range(3):
            clock.now += 31
            answers = [asks(keys, token(headers={"kid": f"no-{minute}-{number}"})) for number in range(100)]
            assert answers == [False] * 100
            assert served.fetches == 2 + minute
        assert asks(keys, token()) is True


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}, b"{}"),
        (404, {}, b"{}"),
        (204, {}, b""),
        (302, {"Location": "/elsewhere"}, b""),
        (200, {}, b""),
        (200, {"Content-Type": "text/html"}, b"<!doctype html><title>Sign in</title>"),
        (200, {}, b"\xff\xfe\x00"),
        (200, {}, b"[]"),
        (200, {}, b'{"keys": {}}'),
        (200, {}, b'{"error": "x"}'),
        (200, {}, b"[" * 100_000),
        (200, {}, b'{"keys": [], "x": "' + b"x" * 262_144 + b'"}'),
        (200, {"Content-Length": "100000"}, b'{"keys": []}'),
        (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b"),
        (200, {f"X-{number}": "x" for number in range(200)}, b'{"keys": []}'),
    ],
)
def test_a_broken_answer_is_come_again_and_leaves_the_keys_at_hand(answer: tuple[int, dict[str, str], bytes]) -> None:
    clock = Clock()
    with provider(public_jwk("ES256")) as served:
        served.answer = answer
        keys = fetched(served, clock)
        assert [asks(keys, token()) for _ in range(20)] == [None] * 20
        assert served.fetches == 1
        served.answer = None
        clock.now += 6
        assert asks(keys, token()) is True
        served.answer = answer
        for hours in range(23):
            clock.now += 3600
            assert asks(keys, token()) is True
            assert served.fetches == 3 + hours
        assert asks(keys, token(number=1)) is None  # perhaps a key that we were not told of
        clock.now += 3700
        assert asks(keys, token()) is None
        served.answer = None
        clock.now += 6
        assert asks(keys, token()) is True


def test_an_end_that_is_down_is_come_again(caplog: pytest.LogCaptureFixture) -> None:
    keys = FetchedKeys(FAMILIES["ES256"], f"http://127.0.0.1:{jwks.closed_port()}/")
    assert [asks(keys, token()) for _ in range(3)] == [None] * 3
    assert len(caplog.records) == 1


def test_one_thread_fetches_and_the_others_do_not_wait() -> None:
    clock, reached, release = Clock(), threading.Event(), threading.Event()

    def slowly() -> None:
        reached.set()
        release.wait(10)

    with provider(public_jwk("ES256")) as served, ThreadPoolExecutor(1) as pool:
        keys = fetched(served, clock)
        served.before = slowly
        for at_hand, seconds in ((None, 0), (True, 301)):
            clock.now += seconds
            reached.clear()
            release.clear()
            first = pool.submit(asks, keys, token())
            assert reached.wait(10)
            started = time.monotonic()
            assert [asks(keys, token()) for _ in range(50)] == [at_hand] * 50
            assert asks(keys, token(number=1)) is None
            assert time.monotonic() - started < 2
            release.set()
            assert first.result(10) is True
        assert served.fetches == 2


def test_many_at_once_fetch_once_and_are_told_truly() -> None:
    with provider(public_jwk("ES256")) as served, ThreadPoolExecutor(16) as pool:
        keys = fetched(served, Clock())
        answers = list(pool.map(lambda _: asks(keys, token()), range(64)))
        assert set(answers) <= {True, None}
        assert True in answers
        assert served.fetches == 1


TLS_RECORD = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"  # the beginning of a long ServerHello


@pytest.mark.parametrize(
    ("scheme", "begins"),
    [("http", b""), ("http", b"HTTP/1.1 200 OK\r\nX: "), ("https", b""), ("https", TLS_RECORD)],
)
def test_an_answer_that_never_ends_does(scheme: str, begins: bytes) -> None:
    with jwks.dripping(begins) as port:
        started = time.monotonic()
        with pytest.raises(FetchFailed):
            fetch_json(f"{scheme}://127.0.0.1:{port}/", seconds=0.3)
        assert time.monotonic() - started < 2


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{jwks.closed_port()}")
    with provider() as served:
        assert fetch_json(served.url) == {"keys": []}
        assert fetch_json(served.url + "?tenant=a&b=c") == {"keys": []}


def test_certificates_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = jwks.new_certificate(tmp_path / "certificate.pem")
    with provider(certificate=certificate) as served:
        with pytest.raises(FetchFailed, match="CERTIFICATE_VERIFY_FAILED"):
            fetch_json(served.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # as a machine that trusts it
        assert fetch_json(served.url) == {"keys": []}
        with pytest.raises(FetchFailed, match="CERTIFICATE_VERIFY_FAILED"):
            fetch_json(served.url.replace("localhost", "127.0.0.1"))
        assert served.fetches == 1


def test_the_limits_are_those_that_the_docs_name() -> None:
    assert (fetch.CONNECT_SECONDS, fetch.TOTAL_SECONDS, fetch.MOST_BYTES) == (3, 5, 262_144)
