"""The pages say what is true: links, commands, code, and nothing about one machine."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from fivegms_testbed.cli.app import app
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


FILES = list(_files())
PAGES = [Page.read(path) for path in FILES if path.suffix == ".md"]
every_page = pytest.mark.parametrize(
    "page", PAGES, ids=[page.path.relative_to(PROJECT).as_posix() for page in PAGES]
)


def _make_targets() -> set[str]:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def _options_by_command() -> dict[str, set[str]]:
    group: Any = typer.main.get_command(app)
    commands = {name: command.params for name, command in group.commands.items()}
    commands[""] = group.params
    return {
        name: {"--help"} | {one for param in params for one in param.opts + param.secondary_opts}
        for name, params in commands.items()
    }


def _fault(command: list[str]) -> str | None:
    """What is wrong with one documented command line, or None."""
    program, *arguments = command
    options = {word.partition("=")[0] for word in arguments if word.startswith("-")}
    if Path(program).name == "fivegms":
        known = _options_by_command()
        name = next((word for word in arguments if not word.startswith("-")), "")
        if name not in known:
            return f"fivegms has no command {name!r}"
        unknown = {one for one in options if one.startswith("--")} - known[name]
        return f"fivegms {name} has no {sorted(unknown)}" if unknown else None
    if program == "make":
        targets = {word for word in arguments if "=" not in word and word not in options}
        unknown = targets - _make_targets()
        return f"make has no {sorted(unknown)}" if unknown else None
    return None


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


@pytest.mark.parametrize("name", sorted(set(_options_by_command()) - {""}))
def test_every_command_and_option_is_documented(name: str) -> None:
    text = (PROJECT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert f"fivegms {name}" in text
    assert [
        one for one in sorted(_options_by_command()[name] - {"--help"}) if one not in text
    ] == []


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
