"""What every object store promises, and what the SQLite one promises beyond: to other processes and after a kill."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from pubsite.errors import Unavailable
from pubsite.storage import ObjectMissing, ObjectStore, Storage, memory_storage, open_storage

NO_OBJECT = "0" * 64
BIG = os.urandom(300_000)
BIG_NOISE = os.urandom(300_000)
BIG_TEXT = b"0123456789" * 200_000
BODIES = [b"", b"x", b"text " * 400, os.urandom(5000), BIG, BIG_TEXT]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Storage]:
    storage = memory_storage(clock=clock) if request.param == "memory" else open_storage(tmp_path, clock=clock)
    yield storage
    storage.close()


@pytest.fixture
def objects(storage: Storage) -> ObjectStore:
    return storage.objects


@pytest.mark.parametrize("body", BODIES, ids=["empty", "tiny", "text", "noise", "big noise", "big text"])
def test_an_object_comes_back_by_the_digest_of_its_bytes(objects: ObjectStore, body: bytes) -> None:
    digest = objects.put(body)
    assert digest == sha256(body).hexdigest()
    assert objects.get(digest) == body
    assert objects.size(digest) == len(body)
    assert objects.get_stored(digest).identity() == body


def test_text_lies_compressed_and_noise_as_it_is(objects: ObjectStore) -> None:
    text, noise, tiny = objects.put_many([b"text " * 400, os.urandom(5000), b"aaaaaaaaaaaaaaaaaaaaaaaaa"])
    assert objects.get_stored(text).coding == "gzip"
    assert len(objects.get_stored(text).body) < 200
    assert objects.get_stored(noise).coding is None
    assert objects.get_stored(tiny).coding is None


def test_many_come_back_in_the_order_given_repeated_ones_too(objects: ObjectStore) -> None:
    bodies = [b"b", b"a", b"b", *BODIES]
    assert [objects.get(digest) for digest in objects.put_many(iter(bodies))] == bodies
    assert objects.put_many([]) == []
    assert list(objects.digests()) == sorted({sha256(body).hexdigest() for body in bodies})


@pytest.mark.parametrize("digest", [NO_OBJECT, "", "zz", "A" * 64, "../../etc/passwd", "é" * 64])
def test_what_is_not_there_is_missing_by_name(objects: ObjectStore, digest: str) -> None:
    for ask in (objects.get, objects.get_stored, objects.size):
        with pytest.raises(ObjectMissing) as caught:
            ask(digest)
        assert caught.value.digest == digest
        assert caught.value.code == "object_missing"
    assert objects.missing([digest]) == {digest}
    objects.renew([digest])


def test_missing_names_each_absent_digest_of_many(objects: ObjectStore) -> None:
    here = objects.put_many(str(n).encode() for n in range(1200))
    absent = {sha256(b"absent %d" % n).hexdigest() for n in range(700)}
    assert objects.missing([*here, *absent, *absent]) == absent


def test_a_sweep_takes_what_is_old_and_not_kept(objects: ObjectStore, clock: Clock) -> None:
    old, kept, big = objects.put_many([b"old", b"kept", BIG])
    clock.now = 2000
    young = objects.put(b"young")
    assert objects.sweep({kept}, older_than=1500, dry_run=True).objects == 2
    assert objects.missing([old, big]) == set()
    swept = objects.sweep({kept}, older_than=1500)
    assert (swept.objects, swept.bytes) == (2, 3 + len(BIG))
    assert objects.missing([old, kept, big, young]) == {old, big}
    assert objects.put(BIG) == big
    assert objects.get(big) == BIG


@pytest.mark.parametrize("again", ["put", "renew"])
def test_what_is_put_again_or_renewed_is_young_again(objects: ObjectStore, clock: Clock, again: str) -> None:
    digests = objects.put_many([b"page", BIG])
    clock.now = 2000
    if again == "put":
        objects.put_many([b"page", BIG])
    else:
        objects.renew(digests)
    assert objects.sweep(frozenset(), older_than=1500).objects == 0
    assert objects.get(digests[1]) == BIG


def test_threads_put_and_read_at_once(objects: ObjectStore) -> None:
    def work(n: int) -> bool:
        bodies = [b"shared", b"own %d" % n, BIG, b"page %d " % (n % 3) * 100]
        digests = objects.put_many(bodies)
        return [objects.get(digest) for digest in digests] == bodies

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(60)))


def test_objects_survive_the_store(tmp_path: Path) -> None:
    first = open_storage(tmp_path / "made" / "deep")
    digests = first.objects.put_many(BODIES)
    first.close()
    second = open_storage(tmp_path / "made" / "deep")
    assert [second.objects.get(digest) for digest in digests] == BODIES
    second.close()


def test_big_objects_are_read_only_files_and_nothing_else_is(tmp_path: Path) -> None:
    storage = open_storage(tmp_path)
    big, *_ = storage.objects.put_many([BIG, BIG_TEXT, b"small"])
    storage.close()
    files = [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]
    assert files == [tmp_path / "objects" / big[:2] / big[2:]]
    assert files[0].stat().st_mode & 0o777 == 0o444


def test_the_database_is_set_up_to_survive_power_cuts_and_to_shrink(tmp_path: Path) -> None:
    storage = open_storage(tmp_path)
    database = storage.objects._database  # type: ignore[attr-defined]  # the pragmas of its own connection
    assert database.one("PRAGMA journal_mode")[0] == "wal"
    assert database.one("PRAGMA synchronous")[0] == 2
    assert database.one("PRAGMA auto_vacuum")[0] == 2
    assert database.one("PRAGMA busy_timeout")[0] == 10_000
    digests = storage.objects.put_many(os.urandom(9000) for _ in range(500))
    before = database.one("PRAGMA page_count")[0]
    storage.objects.sweep(set(digests[:10]), older_than=float("inf"))
    assert database.one("PRAGMA page_count")[0] < before / 5
    storage.close()


def test_bytes_are_flushed_before_their_name_and_the_name_before_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(tmp_path)
    storage.objects.put(os.urandom(300_000))
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def flush(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").resolve()
        steps.append(f"flush {'folder' if path.is_dir() else 'file'}")
        fsync(handle)

    def rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(path, target)

    def note(statement: str) -> None:
        if statement.startswith(("INSERT INTO objects", "COMMIT")):
            steps.append(statement.split(" ")[0])

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(Path, "replace", rename)
    storage.objects._database._connection().set_trace_callback(note)  # type: ignore[attr-defined]  # SQLite's own order
    storage.objects.put(BIG)
    storage.close()
    assert [step for step in steps if step != "flush folder"] == ["flush file", "rename", "INSERT", "COMMIT"]
    assert steps[steps.index("rename") + 1 :] == ["flush folder", "INSERT", "COMMIT"]


def test_a_disk_that_fails_is_said_to_be_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = open_storage(tmp_path)
    kept = storage.objects.put(BIG)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable):
        storage.objects.put_many([b"small", BIG_NOISE])
    monkeypatch.undo()
    assert list(storage.objects.digests()) == [kept]
    assert list((tmp_path / "objects" / "drafts").iterdir()) == []
    assert storage.objects.get(storage.objects.put(BIG_NOISE)) == BIG_NOISE
    storage.close()


def test_left_over_files_go_and_named_ones_stay(tmp_path: Path) -> None:
    storage = open_storage(tmp_path)
    digest = storage.objects.put(BIG)
    orphan = tmp_path / "objects" / "ab" / ("c" * 62)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"its put died before the row")
    draft = tmp_path / "objects" / "drafts" / "tmp1"
    draft.write_bytes(b"its put died before the rename")
    storage.objects.sweep({digest}, older_than=float("inf"))
    assert not orphan.exists()
    assert not draft.exists()
    assert storage.objects.get(digest) == BIG
    storage.close()


def run(*scripts: str, data: Path) -> list[str]:
    """Run scripts as processes at once; what each printed. All must end well."""
    started = [
        subprocess.Popen([sys.executable, "-c", text, str(data)], stdout=subprocess.PIPE, text=True, env=environment())
        for text in scripts
    ]
    answers = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0] * len(started)
    return answers


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


OPEN = "import sys\nfrom pubsite.storage import open_storage\nstorage = open_storage(sys.argv[1])\n"


def test_processes_open_and_write_one_store_at_once(tmp_path: Path) -> None:
    work = OPEN + (
        "for n in range(25):\n"
        "    bodies = [b'shared %d' % n, b'{k} %d' % n, (b'{k} %d ' % n) * 60000 + bytes(range(256))]\n"
        "    assert [storage.objects.get(d) for d in storage.objects.put_many(bodies)] == bodies\n"
    )
    run(*(work.replace("{k}", str(k)) for k in range(4)), data=tmp_path)
    storage = open_storage(tmp_path)
    assert len(list(storage.objects.digests())) == 25 * 9
    storage.close()


def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    script = OPEN + (
        "import itertools, os\n"
        "for n in itertools.count():\n"
        "    print(storage.objects.put_many([b'%d' % n, os.urandom(2000), os.urandom(300000)])[2], flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert process.stdout
    acknowledged = [process.stdout.readline().strip() for _ in range(12)]
    process.kill()
    acknowledged += [line.strip() for line in process.stdout if len(line) == 65]
    process.stdout.close()
    process.wait()
    storage = open_storage(tmp_path)
    assert all(sha256(storage.objects.get(digest)).hexdigest() == digest for digest in acknowledged)
    everything = list(storage.objects.digests())
    assert all(sha256(storage.objects.get(digest)).hexdigest() == digest for digest in everything)
    storage.close()


def test_a_sweep_beside_writers_never_takes_what_a_put_acknowledged(objects: ObjectStore, clock: Clock) -> None:
    rounds = [[b"%d" % n, b"page %d " % n * 100, BIG + b"%d" % n] for n in range(20)]
    for bodies in rounds:
        objects.put_many(bodies)
    clock.now = 2000

    def put(bodies: list[bytes]) -> bool:
        return objects.missing(objects.put_many(bodies)) == set()

    def sweep(_: list[bytes]) -> bool:
        return objects.sweep(frozenset(), older_than=1500).objects >= 0

    with ThreadPoolExecutor(6) as threads:
        jobs: list[tuple[Callable[[list[bytes]], bool], list[bytes]]] = [
            (job, bodies) for bodies in rounds for job in (put, sweep)
        ]
        assert all(threads.map(lambda job: job[0](job[1]), jobs))
    for bodies in rounds:
        assert [objects.get(sha256(body).hexdigest()) for body in bodies] == bodies
