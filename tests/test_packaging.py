"""The wheel holds every file of every package and runs without the working tree, role by role."""

import json
import tomllib
from pathlib import Path

import pytest

from support import PROJECT
from support.wheel import Environment, Wheel, build_wheel, install, requirements

WIRE = ("fivegms_api", "fivegms_codecs", "fivegms_manifests")
ROLES = {
    "": WIRE,
    "af": (*WIRE, "fivegms_af"),
    "as": (*WIRE, "fivegms_engine", "fivegms_prepare", "fivegms_as"),
    "client": (*WIRE, "fivegms_engine", "fivegms_client"),
}
NOT_NEEDED = {
    "": {"aiohttp", "onnx", "onnxruntime", "sqlalchemy", "av"},
    "af": {"onnx", "onnxruntime", "av", "pillow"},
    "as": {"sqlalchemy", "alembic", "psycopg"},
    "client": {"sqlalchemy", "alembic", "psycopg", "structlog"},
    "all": {"torch", "scikit-learn"},
}

# The migrations' environment script runs under alembic only.
IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if not module.name.endswith(("__main__", "migrations.env")):
            importlib.import_module(module.name)
    print(package.__file__)
"""


def _packages() -> list[str]:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    packages: list[str] = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return packages


def _files(package: str) -> set[str]:
    root = (PROJECT / package).parent
    found = {path for path in (PROJECT / package).rglob("*") if path.is_file()}
    return {path.relative_to(root).as_posix() for path in found if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def whole(wheel: Wheel, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return install(wheel, "all", tmp_path_factory.mktemp("all") / "venv")


def test_the_listed_packages_are_those_on_disk() -> None:
    on_disk = {
        path.parent.relative_to(PROJECT).as_posix() for path in PROJECT.glob("*/*/__init__.py")
    }
    assert set(_packages()) == {package for package in on_disk if "/fivegms_" in package}


@pytest.mark.parametrize("package", _packages())
def test_every_file_of_a_package_is_in_the_wheel(wheel: Wheel, package: str) -> None:
    name = Path(package).name
    shipped = {file for file in wheel.files if file.startswith(f"{name}/")}
    assert shipped == _files(package)
    assert f"{name}/py.typed" in shipped


def test_the_wheel_holds_packages_and_nothing_else(wheel: Wheel) -> None:
    tops = {file.partition("/")[0] for file in wheel.files}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        Path(package).name for package in _packages()
    }


@pytest.mark.parametrize("kind", [".onnx", ".mp4", ".json", ".md"])
def test_the_demo_s_assets_are_in_the_wheel(wheel: Wheel, kind: str) -> None:
    assets = {file for file in wheel.files if file.startswith("fivegms_testbed/assets/")}
    assert any(file.endswith(kind) for file in assets)


def test_the_database_migrations_are_in_the_wheel(wheel: Wheel) -> None:
    migrations = {file for file in wheel.files if file.startswith("fivegms_af/migrations/")}
    assert "fivegms_af/migrations/env.py" in migrations
    assert any("/versions/" in file for file in migrations)


@pytest.mark.parametrize("extra", NOT_NEEDED)
def test_a_role_asks_for_no_other_role_s_libraries(wheel: Wheel, extra: str) -> None:
    assert NOT_NEEDED[extra].isdisjoint(requirements(wheel.metadata, extra))


@pytest.mark.parametrize("extra", ROLES)
def test_a_role_runs_on_its_own_extra(wheel: Wheel, extra: str, tmp_path: Path) -> None:
    environment = install(wheel, extra, tmp_path / "venv")
    done = environment.run("python", "-c", IMPORT_EVERYTHING, *ROLES[extra], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert all(Path(line).is_relative_to(tmp_path) for line in done.stdout.splitlines())


def test_the_installed_command_tells_its_use(whole: Environment, tmp_path: Path) -> None:
    done = whole.run("fivegms", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout


def test_the_installed_demo_runs_alone(whole: Environment, tmp_path: Path) -> None:
    done = whole.run("fivegms", "demo", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)
