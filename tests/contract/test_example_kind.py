"""The kind that docs/adding-a-destination.md makes, as the page has it, held by the suite of all kinds."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import pubsite.publishing
from tests.contract import test_destinations as suite
from tests.contract.rigs import Rig

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-destination.md"
MODULES = ("pubsite.publishing.put", "tests.contract.put_rig")  # what the page's blocks of Python are called
OF_THE_LIST = "test_every_kind_has_a_rig"

rig = suite.rig
globals().update({name: test for name, test in vars(suite).items() if name[:5] == "test_" and name != OF_THE_LIST})


@pytest.fixture(scope="module")
def end() -> Iterator[Callable[[], Rig]]:
    """Takes the place of the suite's own: the other end of that kind."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    with pytest.MonkeyPatch.context() as patch:
        for name, code in zip(MODULES, blocks, strict=True):
            made = ModuleType(name)
            patch.setitem(sys.modules, name, made)
            exec(compile(code, name, "exec"), vars(made))
            if name.startswith("pubsite."):
                patch.setattr(pubsite.publishing, "put", made, raising=False)
        with made.put_end() as new_rig:
            yield new_rig
