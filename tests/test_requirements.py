"""Every mark names a requirement that exists, and docs/requirements.md tells the present state."""

from pathlib import Path
from textwrap import dedent

import pytest

from support.requirements import (
    PAGE,
    Mark,
    Requirement,
    Status,
    UnreadableMark,
    marks_of,
    read_marks,
    read_table,
    render,
    statuses,
)


def _row(id_: str) -> Requirement:
    return Requirement(id_, clause="4.1", kind="use", text="…", evidence="…")


def test_ids_are_unique_and_every_part_has_its_whole() -> None:
    ids = [row.id for row in read_table()]
    assert len(ids) == len(set(ids)) > 200
    assert {row.whole for row in read_table()} - {None} <= set(ids)


def test_every_mark_names_a_requirement() -> None:
    known = {row.id for row in read_table()}
    assert [mark for mark in read_marks() if mark.requirement not in known] == []


def test_the_page_is_what_the_marks_say() -> None:
    wanted = render(read_table(), read_marks())
    assert PAGE.read_text(encoding="utf-8") == wanted, "run `make requirements`"


def test_marks_are_read_from_functions_classes_modules_and_parameters(tmp_path: Path) -> None:
    module = tmp_path / "test_sample.py"
    module.write_text(
        dedent(
            """
            import pytest
            pytestmark = [pytest.mark.requirement("R001")]

            @pytest.mark.requirement("R002", "R003a")
            async def test_one(): ...

            @pytest.mark.requirement("R004")
            class TestGroup:
                @pytest.mark.parametrize(
                    "n", [pytest.param(1, marks=pytest.mark.requirement("R005"))]
                )
                def test_two(self, n): ...
            """
        )
    )
    assert [(mark.requirement, mark.test) for mark in marks_of(module)] == [
        ("R001", ""),
        ("R002", "test_one"),
        ("R003a", "test_one"),
        ("R004", "TestGroup"),
        ("R005", "TestGroup::test_two"),
    ]


@pytest.mark.parametrize("arguments", ["", "NAME", '"R001", NAME', 'id="R001"'])
def test_a_mark_whose_ids_are_not_literals_is_refused(tmp_path: Path, arguments: str) -> None:
    module = tmp_path / "test_sample.py"
    module.write_text(f"@pytest.mark.requirement({arguments})\ndef test_one(): ...\n")
    with pytest.raises(UnreadableMark, match=r"test_sample\.py:1"):
        marks_of(module)


def test_a_whole_is_as_shown_as_its_parts() -> None:
    table = [_row("R021"), _row("R021a"), _row("R021b"), _row("R022")]
    assert statuses(table, {"R021", "R021a", "R022"}) == {
        "R021": Status.IN_PART,
        "R021a": Status.SHOWN,
        "R021b": Status.NOT_YET,
        "R022": Status.SHOWN,
    }
    assert statuses(table, {"R021a", "R021b"})["R021"] is Status.SHOWN
    assert statuses(table, {"R021"})["R021"] is Status.NOT_YET


def test_the_page_counts_parts_and_not_their_wholes() -> None:
    table = [_row("R021"), _row("R021a"), _row("R021b"), _row("R022")]
    mark = Mark("R021a", Path(__file__).resolve(), "test_one")
    page = render(table, [mark, mark])
    assert "**1 of 3 shown by a test, 2 not yet.**" in page
    assert page.count("| R021a | … | … | shown: [test_one](../tests/test_requirements.py) |") == 1
