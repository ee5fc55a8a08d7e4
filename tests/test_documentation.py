"""The pages say what is true: links, commands, code, and nothing about one machine."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from fivegms_testbed.cli.app import app
from fivegms_testbed.cli.exit_codes import ExitCode
from support import PROJECT
from support.markdown import Page, shell_commands

LEFT_OUT = {"__pycache__", "build", "dist", "demo-output"}
# Written so that neither pattern finds itself.
OF_ONE_MACHINE = re.compile(r"(?<![\w.])/(?:work|farm|home/\w+|Users/\w+|root)/")
REGISTRY_HOSTS = re.compile(r"pypi[.]org|pythonhosted[.]org|npmjs[.](?:org|com)|crates[.]io")


def _files(folder: Path = PROJECT) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        hidden = path.name.startswith(".") and path.name not in {".ci", ".gitignore"}
        if hidden or path.name in LEFT_OUT or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


FIVEGMS: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = {
    name: FIVEGMS.get_command(None, name) for name in FIVEGMS.list_commands(None)
}
FILES = list(_files())
PAGES = [Page.read(path) for path in FILES if path.suffix == ".md"]
COMMANDS_PAGE = Page.read(PROJECT / "docs" / "commands.md")
every_page = pytest.mark.parametrize(
    "page", PAGES, ids=[page.path.relative_to(PROJECT).as_posix() for page in PAGES]
)


def _make_targets() -> set[str]:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def _options(command: Any) -> set[str]:
    spellings = {one for param in command.params for one in param.opts + param.secondary_opts}
    return spellings | {"--help"}


def _fault(command: list[str]) -> str | None:
    """What is wrong with one documented command line, or None."""
    program, *arguments = command
    words = [word for word in arguments if not word.startswith("-")]
    if program == "make":
        unknown = {word for word in words if "=" not in word} - _make_targets()
        return f"make has no {sorted(unknown)}" if unknown else None
    if Path(program).name != "fivegms":
        return None
    known = COMMANDS.get(words[0]) if words else FIVEGMS
    if known is None:
        return f"fivegms has no command {words[0]!r}"
    options = {word.partition("=")[0] for word in arguments if word.startswith("--")}
    unknown = options - _options(known)
    return f"fivegms {known.name} has no {sorted(unknown)}" if unknown else None


def _resolves(link: str, page: Page) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.path.parent / path).resolve() if path else page.path
    if not target.exists():
        return False
    return not anchor or anchor in Page.read(target).anchors


@every_page
def test_links_between_pages_resolve(page: Page) -> None:
    own = [link for link in page.links if not re.match(r"[a-z]+:", link)]
    assert [link for link in own if not _resolves(link, page)] == []


@every_page
def test_documented_commands_exist(page: Page) -> None:
    commands = [command for block in page.code("sh") for command in shell_commands(block)]
    assert [fault for command in commands if (fault := _fault(command))] == []


@pytest.mark.parametrize(
    "command", ["fivegms prepar", "fivegms demo --jsn", "make demos", ".venv/bin/fivegms --demo"]
)
def test_a_command_that_does_not_exist_is_found(command: str) -> None:
    [parsed] = shell_commands(command)
    assert _fault(parsed)


@every_page
def test_documented_python_compiles_and_names_what_exists(page: Page) -> None:
    for block in page.code("python"):
        tree = compile(
            block,
            str(page.path),
            "exec",
            flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        )
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fivegms_"):
                module = importlib.import_module(str(node.module))
                assert [one.name for one in node.names if not hasattr(module, one.name)] == []


@every_page
def test_documented_names_exist(page: Page) -> None:
    # fivegms_af_ and fivegms_as_ begin metrics, which have a test of their own
    names = re.findall(r"`(fivegms_(?!a[fs]_)\w+(?:\.\w+)*)`", page.text)
    assert [name for name in sorted(set(names)) if not _exists(name)] == []


def _exists(dotted: str) -> bool:
    """Whether `package.module` or `package.module.Name` is there."""
    try:
        pkgutil.resolve_name(dotted)
    except (ImportError, AttributeError):
        return False
    return True


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_documented_and_explains_its_options(name: str) -> None:
    assert f"`fivegms {name}" in COMMANDS_PAGE.text
    options = [param for param in COMMANDS[name].params if param.opts[0].startswith("-")]
    assert [param.name for param in options if not getattr(param, "help", None)] == []


@pytest.mark.parametrize("code", list(ExitCode), ids=lambda code: code.name)
def test_every_exit_code_is_documented(code: ExitCode) -> None:
    assert f"\n| {code.value} |" in COMMANDS_PAGE.text


@pytest.mark.parametrize("make_target", sorted(_make_targets()))
def test_every_make_target_is_in_the_readme(make_target: str) -> None:
    assert f"make {make_target}" in (PROJECT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("pattern", [OF_ONE_MACHINE, REGISTRY_HOSTS], ids=["paths", "registries"])
def test_no_file_names_one_machine_s_places(pattern: re.Pattern[str]) -> None:
    texts = {path: path.read_bytes().decode("utf-8", errors="ignore") for path in FILES}
    assert [
        f"{path.name}: {found[0]}"
        for path, text in texts.items()
        if (found := pattern.search(text))
    ] == []


@pytest.mark.parametrize("top", ["work", "home/ada", "root"])
def test_a_path_of_one_machine_is_found(top: str) -> None:
    assert OF_ONE_MACHINE.search(f"cd /{top}/project")
    assert not OF_ONE_MACHINE.search(f"docs/{top}/page.md")
