"""A PostgreSQL of the tests' own: Debian's binaries, a folder, a Unix socket, no password.

Import the fixtures `postgresql` and `database_url` in a conftest. A suite whose every test uses
`database_url` runs on both databases with `pytestmark = on_both_databases`.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from fivegms_af import migrations

INSTALLED = Path("/usr/lib/postgresql")
TEMPLATE = "fivegms_template"
SETTINGS = {"listen_addresses": "", "fsync": "off", "max_connections": "200"}
INITIALLY = (
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
)
LONG_S = 60.0

on_both_databases = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


class Cluster:
    """A server that `start` and `stop` turn on and off; `empty` and `migrated` make databases."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder
        self._data = folder / "data"
        self._numbers = count(1)
        self._as_user: dict[str, Any] = {"cwd": folder}
        if os.geteuid() == 0:  # whom the server refuses
            shutil.chown(folder, "postgres", "postgres")
            self._as_user |= {"user": "postgres", "group": "postgres", "extra_groups": []}
        subprocess.run(
            [*self._command("initdb"), *INITIALLY],
            check=True,
            stdout=subprocess.DEVNULL,
            **self._as_user,
        )

    def start(self) -> None:
        """Accepts connections when this returns; ends with this process, however that ends."""
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        self._server = subprocess.Popen(
            [
                "setpriv",
                "--pdeathsig=INT",
                *self._command("postgres"),
                "-k",
                self._folder,
                *settings,
            ],
            stderr=subprocess.DEVNULL,
            **self._as_user,
        )
        until = time.monotonic() + LONG_S
        while not self._answers():
            assert self._server.poll() is None, "the server ended"
            assert time.monotonic() < until, "the server does not answer"

    def stop(self) -> None:
        """Connections are broken off; what was committed stays."""
        self._server.send_signal(signal.SIGINT)
        self._server.wait()

    def url(self, database: str) -> str:
        """The URL of a database."""
        return f"postgresql://postgres@/{database}?host={self._folder}"

    def empty(self) -> str:
        """The URL of a new database with nothing in it."""
        return self._create("template0")

    def migrated(self) -> str:
        """The URL of a new database with the tables of the newest migration."""
        return self._create(TEMPLATE)

    def make_template(self) -> None:
        """Once, before `migrated`."""
        self.execute(f"CREATE DATABASE {TEMPLATE}")
        engine = create_engine(self.url(TEMPLATE).replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            migrations.upgrade(connection)
        engine.dispose()

    def drop_all(self) -> None:
        """Remove the databases of a test, whoever is still connected."""
        for name in self.execute("SELECT datname FROM pg_database WHERE datname LIKE 'test_%'"):
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> list[str]:
        """Run one statement as the administrator; the first column of what it returns."""
        engine = create_engine(
            self.url("postgres").replace("postgresql:", "postgresql+psycopg:"),
            isolation_level="AUTOCOMMIT",
        )
        with engine.connect() as connection:
            result = connection.execute(text(statement))
            found = [str(row[0]) for row in result] if result.returns_rows else []
        engine.dispose()
        return found

    def _create(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def _answers(self) -> bool:
        command = [str(self._binaries / "pg_isready"), "--quiet", f"--host={self._folder}"]
        return subprocess.run(command, check=False).returncode == 0

    def _command(self, program: str) -> list[str | Path]:
        return [self._binaries / program, "-D", self._data]


def _binaries() -> Path:
    """The newest server that is installed, or a skip."""
    found = sorted(INSTALLED.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.skip("no PostgreSQL server: install Debian's package postgresql")
    return found[-1].parent


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[Cluster]:
    """The server of this test run. Its socket's path has to be short, so not in `tmp_path`."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="fivegms-pg-"))
    try:
        cluster = Cluster(binaries, folder)
        cluster.start()
        try:
            cluster.make_template()
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgresql(postgresql_cluster: Cluster) -> Iterator[Cluster]:
    """The server, for databases that go with the test."""
    yield postgresql_cluster
    postgresql_cluster.drop_all()


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the test's own: SQLite, or what the suite is parametrized with."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return f"sqlite:///{tmp_path / 'af.sqlite3'}"
    cluster: Cluster = request.getfixturevalue("postgresql")
    return cluster.migrated()
