"""docs/nnef.md lists what is there; run with FIVEGMS_WRITE_DOCS=1 it is written anew."""

import os
import re

from fivegms_codecs.nnef import is_compound, standard
from fivegms_codecs.nnef.primitives import PRIMITIVES
from fivegms_prepare.nnef.from_onnx import CONVERTERS
from fivegms_prepare.nnef.to_onnx import EMITTERS
from support import PROJECT

PAGE = PROJECT / "docs" / "nnef.md"
DATA = ("external", "constant", "variable")


def operations() -> str:
    rows = ["| operation | | NumPy | to ONNX |", "|---|---|---|---|"]
    for name in standard():
        kind = "compound" if is_compound(name) else "primitive"
        rows.append(f"| `{name}` | {kind} | {_computed(name)} | {_converted(name)} |")
    return "\n".join(rows)


def _needs(name: str) -> set[str]:
    """The primitive operations that a compound one calls, by the names in its body."""
    fragment = standard()[name]
    if fragment.body is None:
        return {name}
    called = set(re.findall(r"Call\(name='(\w+)'", repr(fragment.body))) & standard().keys()
    return {one for other in called - {name} for one in _needs(other)}


def _computed(name: str) -> str:
    return "yes" if _needs(name) <= PRIMITIVES.keys() | set(DATA) else "-"


def _converted(name: str) -> str:
    if name in DATA:
        return "input" if name == "external" else "initializer"
    if name in EMITTERS:
        return "operator"
    parts = _needs(name) if is_compound(name) else {"-"}
    return "by its parts" if parts <= EMITTERS.keys() | set(DATA) else "-"


def operators() -> str:
    return ", ".join(f"`{name}`" for name in sorted(CONVERTERS))


def with_lists(text: str) -> str:
    for name, content in (("operations", operations()), ("operators", operators())):
        text = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)",
            lambda found, content=content: f"{found[1]}{content}\n{found[2]}",  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
    return text


def test_the_page_lists_every_operation_and_operator() -> None:
    text = PAGE.read_text("utf-8")
    if os.environ.get("FIVEGMS_WRITE_DOCS"):
        PAGE.write_text(with_lists(text), "utf-8")
    assert PAGE.read_text("utf-8") == with_lists(text)
