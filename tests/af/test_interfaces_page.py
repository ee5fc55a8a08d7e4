"""docs/interfaces.md has every operation, with the tests that show it, and every option."""

import pytest

from fivegms_af.__main__ import parser
from support.operations_page import LISTENERS, PAGE, rewrite

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_tables_of_operations_are_up_to_date() -> None:
    assert rewrite(TEXT) == TEXT, "run `make requirements`"


def test_a_page_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="operations of M5"):
        rewrite(TEXT.replace("operations of M5", "operations"))


@pytest.mark.parametrize("listener", LISTENERS)
def test_every_operation_is_in_its_table(listener: str) -> None:
    assert [one for one in LISTENERS[listener] if f"`{one.operation_id}`:" not in TEXT] == []


def test_every_option_is_documented() -> None:
    options = [one for action in parser()._actions for one in action.option_strings]
    long = [one for one in options if one.startswith("--") and one != "--help"]
    assert [one for one in long if f"| `{one}" not in TEXT] == []
