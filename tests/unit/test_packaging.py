"""What a fresh checkout and a built wheel must hold, and that the ini files and docs name the settings that exist."""

from __future__ import annotations

import configparser
import importlib
import shutil
import subprocess
import sys
import zipfile
from dataclasses import fields
from pathlib import Path

import pytest

from pubsite.settings import Settings, load

ROOT = Path(__file__).parents[2]
INIS = ["development.ini", "production.ini"]


def test_git_ignores_nothing_of_the_package() -> None:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    names = "\0".join([*_package_files(), "pubsite/build/new.py", "pubsite/themes/new/assets/new.css"])
    command = ["git", "-C", str(ROOT), "check-ignore", "--no-index", "--stdin", "-z"]
    answer = subprocess.run(command, input=names, capture_output=True, text=True, check=False)
    assert answer.stdout.split("\0")[:-1] == [], answer.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built from a copy, so that the checkout gets no build folder."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "pubsite", source / "pubsite", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-index"]
    command += ["--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_a_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    held = {name for name in wheel.namelist() if name.startswith("pubsite/")}
    assert held == set(_package_files())


def test_a_wheel_names_every_dependency_and_entry_point(wheel: zipfile.ZipFile) -> None:
    """A field that pyproject.toml forgets to call dynamic would be dropped from setup.cfg without a word."""
    setup = _ini("setup.cfg")
    metadata, entry_points = (
        next(wheel.read(name).decode() for name in wheel.namelist() if name.endswith(f".dist-info/{file}"))
        for file in ("METADATA", "entry_points.txt")
    )
    wanted = [line for line in setup["options"]["install_requires"].split() if line[0].isalpha() and ">=" in line]
    assert len(wanted) > 20
    for requirement in wanted:
        assert f"Requires-Dist: {requirement.split('>=')[0]}" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert f"Version: {setup['metadata']['version']}" in metadata
    for _, group in setup.items("options.entry_points"):
        assert group.strip() in entry_points


def test_entry_points_lead_somewhere() -> None:
    for _, group in _ini("setup.cfg").items("options.entry_points"):
        module, name = group.split("=")[1].strip().split(":")
        assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("name", INIS)
def test_the_ini_files_start(name: str) -> None:
    ini = _ini(name)
    section = {key: value.replace("%(here)s", str(ROOT)) for key, value in ini.items("app:main", raw=True)}
    assert load(section, environ={}).worker == "embedded"


@pytest.mark.parametrize("name", INIS)
def test_the_ini_files_leave_the_command_line_its_say(name: str) -> None:
    assert _ini(name).defaults() == {}


@pytest.mark.parametrize("setting", fields(Settings), ids=lambda setting: setting.name)
def test_operations_documents_every_setting(setting: object) -> None:
    default = setting.default  # type: ignore[attr-defined]  # a dataclass field
    text = " ".join(default) if isinstance(default, tuple) else str(default)
    shown = f"`{text.lower() if isinstance(default, bool) else text}`" if text else ""
    row = f"| `{setting.name}` | {shown} | {setting.metadata['help']} |"  # type: ignore[attr-defined]  # a dataclass field
    assert row in (ROOT / "docs/operations.md").read_text(encoding="utf-8")


def _package_files() -> list[str]:
    files = (path for path in (ROOT / "pubsite").rglob("*") if path.is_file())
    return sorted(path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts)


def _ini(name: str) -> configparser.ConfigParser:
    ini = configparser.ConfigParser(interpolation=None)
    ini.read(ROOT / name, encoding="utf-8")
    return ini
