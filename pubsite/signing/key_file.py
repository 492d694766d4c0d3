"""`keys.json` in the data folder, mode 0600: `{"tokens": ["<hex>", …], "secrets": ["<hex>", …]}`.

Of each list the first key is used for what is made now, and all for what was made before: `tokens` sign tokens,
`secrets` seal what others entrusted to us.

It is replaced whole, never written into: a reader sees the old file or the new one, after a power cut too.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pubsite.errors import SettingsError

FILE = "keys.json"
KEY_BYTES = 32
Use = Literal["tokens", "secrets"]
USES: tuple[Use, ...] = ("tokens", "secrets")


def new_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def stamp(data_dir: Path) -> tuple[int, ...] | None:
    """What differs once the file was changed or replaced; None where none can be seen."""
    try:
        found = os.stat(f"{data_dir}/{FILE}")
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def read(data_dir: Path, use: Use = "tokens") -> tuple[bytes, ...]:
    """The keys of one use; raises SettingsError when the file is missing, open to others, or holds none that are good.

    A file from before there were `secrets` has none of these: then they are empty.
    """
    document = _document(data_dir / FILE)
    return () if use == "secrets" and use not in document else _keys(data_dir / FILE, document, use)


def create(data_dir: Path) -> None:
    """Make the file with one new key of each use where there is none yet; of several at once one wins."""
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / FILE
    draft = _draft(path, {use: [new_key().hex()] for use in USES})
    try:
        os.link(draft, path)
        _sync_folder(data_dir)
    except FileExistsError:
        _add_missing(data_dir)
    finally:
        draft.unlink()


def _add_missing(data_dir: Path) -> None:
    if "secrets" not in _document(data_dir / FILE):
        with changing(data_dir, "secrets") as keys:
            keys[:] = keys or [new_key()]


@contextmanager
def changing(data_dir: Path, use: Use = "tokens") -> Iterator[list[bytes]]:
    """The keys of one use as a list, which replaces them at the end unless an error ends it; one change at a time."""
    path = data_dir / FILE
    with _locked(data_dir):
        document = _document(path)
        keys = list(_keys(path, document, use)) if use in document else []
        yield keys
        draft = _draft(path, {**document, use: [key.hex() for key in keys]})
        try:
            _give_to_owner_of(path, draft)
            os.replace(draft, path)
        except OSError:
            draft.unlink()
            raise
        _sync_folder(data_dir)


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{path} can be read by others: chmod 600 it")
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path} is missing: run `pubsite init`") from None
    except (ValueError, RecursionError) as error:
        raise _misshapen(path) from error
    if not isinstance(document, dict):
        raise _misshapen(path)
    return document


def _keys(path: Path, document: dict[str, Any], use: Use) -> tuple[bytes, ...]:
    try:
        keys = tuple(bytes.fromhex(key) for key in document[use])
    except (ValueError, KeyError, TypeError) as error:
        raise _misshapen(path) from error
    if not keys or any(len(key) < KEY_BYTES for key in keys):
        raise SettingsError(f"{path} needs keys of at least {KEY_BYTES} bytes (RFC 7518 §3.2)")
    return keys


def _misshapen(path: Path) -> SettingsError:
    return SettingsError(f'{path} is not of the form {{"tokens": ["<hex>", …]}}')


def _draft(path: Path, document: dict[str, Any]) -> Path:
    draft = path.with_name(f"{FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _give_to_owner_of(path: Path, draft: Path) -> None:
    """A file that root replaced would be root's, and the server could not read it."""
    owner = path.stat()
    if (owner.st_uid, owner.st_gid) != ((mine := draft.stat()).st_uid, mine.st_gid):
        os.chown(draft, owner.st_uid, owner.st_gid)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Without this a power cut may bring the old name back."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
