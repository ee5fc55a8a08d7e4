"""docs/preparation.md and the package agree on every refusal."""

import re

from fivegms_prepare.errors import ModelRefused
from support import PROJECT

PAGE = (PROJECT / "docs" / "preparation.md").read_text(encoding="utf-8")


def test_every_refusal_is_documented_and_no_other() -> None:
    types = [refusal.type for refusal in ModelRefused.__subclasses__()]
    assert len(set(types)) == len(types)
    _, table = PAGE.split("## Why a model is refused")
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == types
