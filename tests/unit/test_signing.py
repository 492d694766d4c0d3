"""Keys and tokens: which token is ours, and that nothing else is."""

from __future__ import annotations

import base64
import json
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

from pubsite import jws
from pubsite.errors import SettingsError, Unauthorized
from pubsite.signing import FILE, SCOPES, Claims, Keys

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


@pytest.mark.parametrize(
    "wrong",
    [
        token(b"x" * 32),
        token(algorithm="HS512", key=b"k" * 64),
        token(exp=int(time.time()) - 1),
        token(exp=None),
        token(exp="soon"),
        token(nbf=int(time.time()) + 60),
        token(iat=int(time.time()) + 60),
        token(iss=None),
        token(iss="another"),
        token(sub=None),
        token(sub=""),
        token(sub="ann"),
        token(sub=str(ACCOUNT) + "\n"),
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
