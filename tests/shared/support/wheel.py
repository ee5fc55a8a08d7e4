"""The project's wheel, and environments that hold it with just what one extra asks for.

Nothing is downloaded: what an extra asks for is read from the wheel's own metadata and linked from
the environment the tests run in. So an environment for `client` has no database driver to import by
accident, and none of them sees the working tree.
"""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support import PROJECT


@dataclass(frozen=True, slots=True)
class Wheel:
    """A built wheel."""

    path: Path

    @property
    def files(self) -> frozenset[str]:
        """The paths inside, as they land in site-packages."""
        with zipfile.ZipFile(self.path) as archive:
            return frozenset(archive.namelist())

    @property
    def metadata(self) -> Distribution:
        """Name, extras and requirements as the wheel states them."""
        folder = next(name for name in self.files if name.endswith(".dist-info/METADATA"))
        return PathDistribution(zipfile.Path(self.path, folder.removesuffix("METADATA")))


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment; its commands see neither the working tree nor the tests' settings."""

    folder: Path

    def run(self, command: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run one of the environment's commands; the caller looks at its exit status."""
        return subprocess.run(
            [self.folder / "bin" / command, *arguments],
            cwd=cwd,
            env={"PATH": "/usr/bin:/bin", "HOME": str(cwd), "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )


def build_wheel(out: Path) -> Wheel:
    """Build the project's wheel into `out`."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", out],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )
    [path] = out.glob("*.whl")
    return Wheel(path)


def install(wheel: Wheel, extra: str, folder: Path) -> Environment:
    """A new environment in `folder` with the wheel and all that `extra` ("" for none) asks for."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = str(folder / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    subprocess.run(
        [*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel.path)], check=True
    )
    [packages] = folder.glob("lib/python*/site-packages")
    for needed in requirements(wheel.metadata, extra).values():
        _link(needed, packages)
    return Environment(folder)


def requirements(root: Distribution, extra: str) -> dict[str, Distribution]:
    """What `root[extra]` pulls in, directly or not, by canonical name."""
    own_name = canonicalize_name(root.name)
    found: dict[str, Distribution] = {own_name: root}
    waiting: list[tuple[str, str]] = [(own_name, ""), (own_name, extra)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        for requirement in _applying(found[name], wanted):
            needed = canonicalize_name(requirement.name)
            found.setdefault(needed, root if needed == own_name else distribution(needed))
            waiting += [(needed, one) for one in ("", *requirement.extras)]
    del found[own_name]
    return found


def _applying(owner: Distribution, extra: str) -> Iterator[Requirement]:
    for line in owner.requires or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


def _link(installed: Distribution, packages: Path) -> None:
    """Link what a distribution put at the top of its site-packages; its commands stay behind."""
    tops = {file.parts[0] for file in installed.files or []} - {"..", "__pycache__"}
    for top in sorted(tops):
        link = packages / top
        if not link.exists():
            link.symlink_to(Path(str(installed.locate_file(top))))
