"""Keys and tokens: which token is ours, and that nothing else is."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import os
import stat
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubsite.errors import Conflict, NotFound, SettingsError, Unauthorized
from pubsite.signing import FILE, SCOPES, Claims, Keys, LiveKeys, jws

KEYS = Keys((b"k" * 32,))
ACCOUNT = uuid.UUID("123e4567-e89b-12d3-a456-426614174000")
HOUR = timedelta(hours=1)


def token(key: bytes = b"k" * 32, algorithm: str = "HS256", **claims: Any) -> str:
    """One of our tokens but for the claims that are given; None leaves one out."""
    now = int(time.time())
    whole = {"iss": "pubsite", "sub": str(ACCOUNT), "scope": "read", "iat": now, "exp": now + 60, **claims}
    return jwt.encode({name: value for name, value in whole.items() if value is not None}, key, algorithm=algorithm)


def verify(text: str, keys: Keys = KEYS) -> Claims:
    return keys.verify(jws.read(text))


def test_a_token_says_whose_it_is_and_what_it_may() -> None:
    issued, expires_at = KEYS.issue_token(ACCOUNT, scopes=("read", "deploy"), lifetime=HOUR)
    claims = verify(issued)
    assert (claims.account_id, claims.scopes) == (ACCOUNT, {"read", "deploy"})
    assert timedelta(minutes=59) < expires_at - datetime.now(UTC) <= HOUR


def test_a_token_without_scopes_may_all_and_unknown_scopes_give_nothing() -> None:
    assert verify(token(scope=None)).scopes == set(SCOPES)
    assert verify(token(scope="")).scopes == set()
    assert verify(token(scope="read root *")).scopes == {"read"}


def test_the_first_key_signs_and_all_verify() -> None:
    old, both, new = Keys((b"o" * 32,)), Keys((b"n" * 32, b"o" * 32)), Keys((b"n" * 32,))
    of_old, _ = old.issue_token(ACCOUNT, lifetime=HOUR)
    of_both, _ = both.issue_token(ACCOUNT, lifetime=HOUR)
    assert verify(of_old, both).account_id == verify(of_both, both).account_id == ACCOUNT
    assert verify(of_both, new).account_id == ACCOUNT
    with pytest.raises(Unauthorized):
        verify(of_old, new)


def unsigned(header: dict[str, Any]) -> str:
    now = int(time.time())
    claims = {"iss": "pubsite", "sub": str(ACCOUNT), "exp": now + 60}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims)]
    return ".".join([*parts, ""])


def signed(claims: dict[str, Any] | str, header: dict[str, Any] | str = '{"alg": "HS256"}') -> str:
    """Whatever header and claims, with a signature that is right."""
    texts = [part if isinstance(part, str) else json.dumps(part) for part in (header, claims)]
    body = ".".join(base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") for text in texts)
    mac = hmac.digest(b"k" * 32, body.encode(), "sha256")
    return body + "." + base64.urlsafe_b64encode(mac).decode().rstrip("=")


CLAIMS = {"iss": "pubsite", "sub": str(ACCOUNT), "exp": int(time.time()) + 3600}


def test_what_the_wrong_ones_are_made_from_is_right() -> None:
    for text in (
        signed(CLAIMS),
        signed(CLAIMS, header={"alg": "HS256", "typ": "application/AT+JWT", "kid": "whatever"}),
        signed(CLAIMS | {"nbf": int(time.time()) + 20, "iat": int(time.time()) + 20}),
        signed(CLAIMS | {"exp": 253_402_300_799}),
    ):
        assert verify(text).account_id == ACCOUNT
    assert verify(signed(CLAIMS)).expires_at.tzinfo is UTC
    for other in (
        token() + "=",
        token().replace("-", "+").replace("_", "/") + "\n",
        token() + ".e30",
        "\u0661" + token(),
    ):
        with pytest.raises(Unauthorized):
            verify(other)


def test_what_others_read_is_what_we_wrote() -> None:
    issued, expires_at = KEYS.issue_token(ACCOUNT, lifetime=HOUR)
    claims = jwt.decode(issued, b"k" * 32, algorithms=["HS256"], issuer="pubsite")
    assert (claims["sub"], claims["exp"]) == (str(ACCOUNT), expires_at.timestamp())
    assert jwt.get_unverified_header(issued) == {"alg": "HS256", "typ": "JWT", "kid": KEYS.fingerprints()[0]}


@pytest.mark.parametrize(
    "wrong",
    [
        token(b"x" * 32),
        token(algorithm="HS512", key=b"k" * 64),
        token(exp=int(time.time()) - 1),
        token(exp=None),
        token(exp="soon"),
        token(exp=True),
        token(exp=time.time() + 60),
        token(exp=str(int(time.time()) + 60)),
        token(exp=253_402_300_800),
        token(exp=10**400),
        token(exp=-1),
        token(nbf=None, exp=float("inf")),
        token(nbf="0"),
        token(iat=True),
        token(iat=1.5),
        token(nbf=int(time.time()) + 86_400),
        token(iat=int(time.time()) + 86_400),
        token(iss=None),
        token(iss="another"),
        token(sub=None),
        token(sub=""),
        token(sub="ann"),
        token(sub=str(ACCOUNT) + "\n"),
        token(sub=str(ACCOUNT).upper()),
        token(sub=f"{{{ACCOUNT}}}"),
        token(sub=f"urn:uuid:{ACCOUNT}"),
        token(sub=ACCOUNT.hex),
        signed(CLAIMS | {"sub": 7}),
        signed(CLAIMS | {"sub": ["a"]}),
        signed(CLAIMS | {"iss": ["pubsite"]}),
        signed(CLAIMS, header={"alg": "HS256", "crit": ["exp"]}),
        signed(CLAIMS, header={"alg": "HS256", "crit": []}),
        signed(CLAIMS, header={"alg": "HS256", "b64": False, "crit": ["b64"]}),
        signed(CLAIMS, header={"alg": "HS256", "typ": "logout+jwt"}),
        signed(CLAIMS, header={"alg": "HS256", "typ": 7}),
        signed(CLAIMS, header={"alg": ["HS256"]}),
        signed(CLAIMS, header={"typ": "JWT"}),
        signed(CLAIMS, header='{"alg": "none", "alg": "HS256"}'),
        signed(CLAIMS, header='{"alg": "HS256", "alg": "HS256"}'),
        signed(CLAIMS, header='[{"alg": "HS256"}]'),
        signed(CLAIMS, header='\ufeff{"alg": "HS256"}'),
        signed('{"sub": "a", "sub": "b"}'),
        signed('{"exp": NaN}'),
        signed('{"exp": ' + "9" * 5000 + "}"),
        signed("[" * 100_000),
        signed("7"),
        unsigned({"alg": "RS256"}),
        token(scope=7),
        token(scope=["read"]),
        token(aud="another"),
        unsigned({"alg": "none"}),
        unsigned({"alg": "None", "typ": "JWT"}),
        unsigned({"alg": "HS256"}),
        unsigned({}),
        token()[:-1],
        token() + "x",
        token().replace(".", "..", 1),
        "",
        "..",
        "a.b.c",
        "\xff",
        "a" * 10_000,
        base64.urlsafe_b64encode(b"[" * 6000).decode() + ".e30.x",
    ],
)
def test_whatever_is_not_ours_is_unauthorized_and_nothing_more(wrong: str) -> None:
    with pytest.raises(Unauthorized, match=r"\AUnauthorized\Z"):
        verify(wrong)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode() + ".e30.x"))
def test_no_text_whatever_is_a_token(text: str) -> None:
    with pytest.raises(Unauthorized):
        verify(text)


# The file


def test_keys_are_made_once_and_only_for_their_owner(tmp_path: Path) -> None:
    made = Keys.create(tmp_path / "new" / "data")
    path = tmp_path / "new" / "data" / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Keys.create(path.parent) == Keys.load(path.parent) == made
    assert [entry.name for entry in path.parent.iterdir()] == [FILE]
    assert len(made.tokens[0]) == 32
    assert made.tokens[0].hex() not in repr(made)


def test_many_who_start_at_once_make_one_file(tmp_path: Path) -> None:
    made: list[Keys] = []
    threads = [threading.Thread(target=lambda: made.append(Keys.create(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1
    assert len(made) == 8


def test_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    Keys.create(tmp_path)
    for mode in (0o640, 0o604, 0o660):
        (tmp_path / FILE).chmod(mode)
        with pytest.raises(SettingsError, match="can be read by others"):
            Keys.load(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"tokens": []}',
        '{"tokens": 7}',
        '{"tokens": ["zz"]}',
        '{"tokens": ["00"]}',
        '{"tokens": [7]}',
        "\xff",
    ],
)
def test_a_file_that_holds_no_good_key_stops_the_start_and_shows_nothing_of_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / FILE
    path.write_bytes(content.encode("latin-1"))
    path.chmod(0o600)
    with pytest.raises(SettingsError) as caught:
        Keys.load(tmp_path)
    assert str(path) in caught.value.message
    assert "zz" not in caught.value.message


def test_a_missing_file_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="run `pubsite init`"):
        Keys.load(tmp_path)


# Keys that change


def issued(keys: Keys) -> jws.Token:
    return jws.read(keys.issue_token(ACCOUNT, lifetime=HOUR)[0])


def test_a_new_key_signs_and_the_old_one_verifies_until_it_is_dropped(tmp_path: Path) -> None:
    old = Keys.create(tmp_path)
    both = Keys.rotate(tmp_path)
    assert both.tokens[1:] == old.tokens
    assert len(set(both.fingerprints())) == 2
    assert both.verify(issued(old)).account_id == both.verify(issued(both)).account_id == ACCOUNT
    new = Keys.drop(tmp_path, old.fingerprints()[0])
    assert new.tokens == both.tokens[:1]
    with pytest.raises(Unauthorized):
        new.verify(issued(old))
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [FILE]


def test_the_key_that_signs_and_one_that_is_not_there_cannot_be_dropped(tmp_path: Path) -> None:
    only = Keys.create(tmp_path)
    with pytest.raises(Conflict, match="rotate first"):
        Keys.drop(tmp_path, only.fingerprints()[0])
    for name in ("", "0" * 12, only.tokens[0].hex()):
        with pytest.raises(NotFound):
            Keys.drop(tmp_path, name)
    assert Keys.load(tmp_path) == only
    assert [entry.name for entry in tmp_path.iterdir()] == [FILE]


def test_what_else_stands_in_the_file_stays(tmp_path: Path) -> None:
    Keys.create(tmp_path)
    path = tmp_path / FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "others": ["x"]}))
    Keys.rotate(tmp_path)
    assert json.loads(path.read_text())["others"] == ["x"]


def test_many_rotations_at_once_lose_no_key(tmp_path: Path) -> None:
    Keys.create(tmp_path)
    threads = [threading.Thread(target=Keys.rotate, args=(tmp_path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(Keys.load(tmp_path).tokens)) == 9


def test_a_rotation_that_fails_leaves_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Keys.create(tmp_path)

    def no_space(*names: object) -> None:
        raise OSError(28, "No space left on device", "keys.json")

    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(OSError, match="No space"):
        Keys.rotate(tmp_path)
    assert Keys.load(tmp_path) == before
    assert [entry.name for entry in tmp_path.iterdir()] == [FILE]


def test_a_running_server_follows_the_file_at_once(tmp_path: Path) -> None:
    old = Keys.create(tmp_path)
    live = LiveKeys(tmp_path)
    for _ in range(20):
        new = Keys.rotate(tmp_path)
        assert live.verify(issued(new)).account_id == live.verify(issued(old)).account_id == ACCOUNT
    Keys.drop(tmp_path, old.fingerprints()[0])
    with pytest.raises(Unauthorized):
        live.verify(issued(old))


@pytest.mark.parametrize("broken", ["", "{", '{"tokens": []}', '{"tokens": ["00"]}', "\xff", None, "open to others"])
def test_a_broken_file_leaves_the_keys_as_they_are_and_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: str | None
) -> None:
    keys = Keys.create(tmp_path)
    live = LiveKeys(tmp_path)
    path = tmp_path / FILE
    good = path.read_text()
    if broken is None:
        path.unlink()
    elif broken == "open to others":
        path.chmod(0o644)
    else:
        path.write_bytes(broken.encode("latin-1"))
    with caplog.at_level(logging.WARNING, "pubsite.signing"):
        for _ in range(5):
            assert live.verify(issued(keys)).account_id == ACCOUNT
    assert len(caplog.records) == 1
    assert keys.tokens[0].hex() not in caplog.text
    path.unlink(missing_ok=True)
    path.write_text(good)
    path.chmod(0o600)
    new = Keys.rotate(tmp_path)
    assert live.verify(issued(new)).account_id == ACCOUNT
