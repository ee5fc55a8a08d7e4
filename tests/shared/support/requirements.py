"""Which requirement is shown by which test: docs/requirements.tsv joined with the tests' marks.

Owns the reading of `@pytest.mark.requirement("R081")` from the tests' source (no test is imported,
so a broken test module costs no other module its marks) and the page docs/requirements.md that
`make requirements` writes. A requirement with parts (R021 with R021a, R021b, ...) is as shown as
its parts are: a mark on the whole never speaks for a part.
"""

import ast
import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
TABLE = PROJECT / "docs" / "requirements.tsv"
PAGE = PROJECT / "docs" / "requirements.md"
TESTS = PROJECT / "tests"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row of the table; `clause` counts in TR 26.927's draft."""

    id: str
    clause: str
    kind: str
    text: str
    evidence: str

    @property
    def whole(self) -> str | None:
        """Id of the requirement this one is a part of: R021 for R021a."""
        return self.id[:-1] if self.id[-1].isalpha() else None


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark: the requirement named, and the test that says it shows it."""

    requirement: str
    module: Path
    test: str


class Status(StrEnum):
    """How far a requirement is shown."""

    SHOWN = "shown"
    IN_PART = "in part"
    NOT_YET = "not yet"


class UnreadableMark(ValueError):
    """A mark whose ids cannot be read from the source: they must be string literals."""


def read_table(path: Path = TABLE) -> list[Requirement]:
    """The requirements in the table's order."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return [Requirement(*row) for row in rows]


def read_marks(tests: Path = TESTS) -> list[Mark]:
    """Every mark in the test modules below `tests`, in the order of paths and lines."""
    return [mark for module in sorted(tests.rglob("test_*.py")) for mark in marks_of(module)]


def marks_of(module: Path) -> list[Mark]:
    """The marks of one test module."""
    tree = ast.parse(module.read_bytes(), filename=str(module))
    found = sorted(calls(tree, scope=""), key=lambda one: one[0].lineno)
    return [
        Mark(requirement, module, scope)
        for call, scope in found
        if _names_our_mark(call.func)
        for requirement in _literal_ids(call, module)
    ]


def calls(node: ast.AST, scope: str) -> Iterator[tuple[ast.Call, str]]:
    """Every call below `node` with its test; a decorator belongs to what it decorates."""
    for child in ast.iter_child_nodes(node):
        inner = scope
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{scope}::{child.name}".removeprefix("::")
        if isinstance(child, ast.Call):
            yield child, inner
        yield from calls(child, inner)


def _names_our_mark(function: ast.expr) -> bool:
    return ast.unparse(function).endswith("mark.requirement")


def _literal_ids(call: ast.Call, module: Path) -> list[str]:
    ids = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if not ids or len(ids) != len(call.args) or call.keywords:
        raise UnreadableMark(f"{module.name}:{call.lineno}: {ast.unparse(call)}")
    return ids


def statuses(table: Sequence[Requirement], marked: set[str]) -> dict[str, Status]:
    """Status of every requirement of `table`, given the ids that some test names."""
    parts: dict[str, list[str]] = defaultdict(list)
    for row in table:
        if row.whole:
            parts[row.whole].append(row.id)
    return {row.id: _status(parts.get(row.id, [row.id]), marked) for row in table}


def _status(needed: Sequence[str], marked: set[str]) -> Status:
    shown = [one in marked for one in needed]
    if all(shown):
        return Status.SHOWN
    return Status.IN_PART if any(shown) else Status.NOT_YET


def render(table: Sequence[Requirement], marks: Sequence[Mark]) -> str:
    """The page: counts, then one table a clause."""
    tests: dict[str, dict[str, Mark]] = defaultdict(dict)
    for mark in marks:
        tests[mark.requirement][f"{mark.module}::{mark.test}"] = mark
    status = statuses(table, set(tests))
    clauses: dict[str, list[Requirement]] = defaultdict(list)
    for row in table:
        clauses[row.clause].append(row)
    sections = [
        section
        for clause, rows in clauses.items()
        for section in _section(clause, rows, status, tests)
    ]
    return "\n".join([*_head(table, status), *sections])


def _head(table: Sequence[Requirement], status: Mapping[str, Status]) -> list[str]:
    parted = {row.whole for row in table}
    single = [status[row.id] for row in table if row.id not in parted]
    shown = single.count(Status.SHOWN)
    return [
        "# Requirements",
        "",
        "What TR 26.927 (in its draft) asks for, and the tests that show it here. "
        "`make requirements` writes this page from [requirements.tsv](requirements.tsv) and the "
        '`@pytest.mark.requirement("R081")` marks; a test fails when it is out of date. '
        "A requirement with parts is as shown as its parts.",
        "",
        f"**{shown} of {len(single)} shown by a test, {len(single) - shown} not yet.** "
        "(A requirement with parts counts by its parts.)",
        "",
    ]


def _section(
    clause: str,
    rows: Sequence[Requirement],
    status: Mapping[str, Status],
    tests: Mapping[str, Mapping[str, Mark]],
) -> Iterator[str]:
    yield f"## Clause {clause}"
    yield ""
    yield "| id | requirement | what shows it | status |"
    yield "|---|---|---|---|"
    for row in rows:
        links = ", ".join(_link(mark) for mark in tests.get(row.id, {}).values())
        cell = f"{status[row.id]}: {links}" if links else status[row.id]
        yield f"| {row.id} | {_cell(row.text)} | {_cell(row.evidence)} | {cell} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _link(mark: Mark) -> str:
    path = mark.module.relative_to(PROJECT).as_posix()
    return f"[{mark.test or mark.module.stem}](../{path})"


if __name__ == "__main__":
    PAGE.write_text(render(read_table(), read_marks()), encoding="utf-8")
