"""Every operation of the AF with its statuses and the tests that show them, in docs/interfaces.md.

`make requirements` writes one table for each listener between the page's markers, from the routes
and from the `@pytest.mark.shows("createPolicyTemplate", 201, 400)` marks of the tests, which are
read from their source; a test fails when the page is out of date.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fivegms_af.m1.table import M1_ROUTES
from fivegms_af.m5.table import M5_ROUTES
from fivegms_af.openapi import documented_path, refusals
from fivegms_af.operator.table import OPERATOR_ROUTES
from fivegms_af.routes import Route
from support import PROJECT
from support.requirements import calls

PAGE = PROJECT / "docs" / "interfaces.md"
TESTS = PROJECT / "tests"
LISTENERS: Mapping[str, Sequence[Route]] = {
    "M1": M1_ROUTES,
    "M5": M5_ROUTES,
    "the operator": OPERATOR_ROUTES,
}
END = "<!-- operations: end -->"


@dataclass(frozen=True, slots=True)
class Showing:
    """A test that takes an operation to some statuses."""

    operation_id: str
    statuses: tuple[str, ...]
    module: Path
    test: str


class UnreadableShowing(ValueError):
    """A mark whose operation and statuses are no literals."""


@cache
def showings(tests: Path = TESTS) -> tuple[Showing, ...]:
    """Every mark below `tests`, in the order of paths and lines."""
    return tuple(one for module in sorted(tests.rglob("test_*.py")) for one in _showings(module))


def shown() -> set[tuple[str, str]]:
    """Operation and status of all marks."""
    return {(one.operation_id, status) for one in showings() for status in one.statuses}


def rewrite(page: str) -> str:
    """`page` with the tables between its markers made anew; raises ValueError without markers."""
    for listener, routes in LISTENERS.items():
        begin = f"<!-- operations of {listener}: written by make requirements -->"
        before, found, rest = page.partition(begin)
        _, end, after = rest.partition(END)
        if not found or not end:
            raise ValueError(f"the page has no {begin} ... {END}")
        page = "\n".join([before + begin, "", *_table(routes), "", END + after])
    return page


def _showings(module: Path) -> Iterator[Showing]:
    tree = ast.parse(module.read_bytes(), filename=str(module))
    for call, test in sorted(calls(tree, scope=""), key=lambda found: found[0].lineno):
        if ast.unparse(call.func).endswith("mark.shows"):
            operation_id, *statuses = _literals(call, module)
            yield Showing(operation_id, tuple(statuses), module, test)


def _literals(call: ast.Call, module: Path) -> list[str]:
    values = [str(one.value) for one in call.args if isinstance(one, ast.Constant)]
    if len(values) < 2 or len(values) != len(call.args) or call.keywords:
        raise UnreadableShowing(f"{module.name}:{call.lineno}: {ast.unparse(call)}")
    return values


def _table(routes: Iterable[Route]) -> Iterator[str]:
    tests: dict[str, list[Showing]] = defaultdict(list)
    for showing in showings():
        tests[showing.operation_id].append(showing)
    yield "| method | path | operation | answers | refuses | shown by |"
    yield "|---|---|---|---|---|---|"
    for route in routes:
        yield "| " + " | ".join(_cells(route, tests[route.operation_id])) + " |"


def _cells(route: Route, seen: Sequence[Showing]) -> Iterator[str]:
    statuses = {status for showing in seen for status in showing.statuses}
    answers = [int(answer.status) for answer in route.answers]
    conditional = [304] if route.method == "GET" else []
    yield route.method
    yield f"`{documented_path(route)}`"
    yield f"`{route.operation_id}`: {_lowered(route.summary)}"
    yield _listed(sorted([*answers, *conditional]), statuses)
    yield _listed(refusals(route, authenticated=True), statuses)
    yield ", ".join(dict.fromkeys(_link(showing) for showing in seen))


def _lowered(summary: str) -> str:
    return summary[:1].lower() + summary[1:]


def _listed(statuses: Iterable[int], shown_ones: set[str]) -> str:
    """Those that a test shows in bold."""
    return " ".join(f"**{one}**" if str(one) in shown_ones else str(one) for one in statuses)


def _link(showing: Showing) -> str:
    path = showing.module.relative_to(PROJECT).as_posix()
    return f"[{showing.test or showing.module.stem}](../{path})"


if __name__ == "__main__":
    PAGE.write_text(rewrite(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
