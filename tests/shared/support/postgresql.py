"""A PostgreSQL of the tests' own: Debian's binaries, a folder, a Unix socket, no password.

Import the fixtures `postgresql` and `database_url` in a conftest. A suite whose every test uses
`database_url` runs on both databases with `pytestmark = on_both_databases`.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from fivegms_af import migrations

INSTALLED = Path("/usr/lib/postgresql")
TEMPLATE = "fivegms_template"
SETTINGS = {"listen_addresses": "''", "fsync": "off", "max_connections": "200"}

on_both_databases = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


class Cluster:
    """A server that `start` and `stop` turn on and off; `empty` and `migrated` make databases."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder
        self._data = folder / "data"
        self._numbers = count(1)
        self._user = "postgres" if os.geteuid() == 0 else None  # the server refuses to be root
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        text_settings = ("--encoding=UTF8", "--locale=C")
        self._run("initdb", "--username=postgres", "--auth=trust", "--no-sync", *text_settings)

    def start(self) -> None:
        """Accepts connections when this returns."""
        settings = [f"-k {self._folder}", *(f"-c {name}={SETTINGS[name]}" for name in SETTINGS)]
        log = f"--log={self._folder / 'log'}"
        self._run("pg_ctl", "start", "--wait", log, f"--options={' '.join(settings)}")

    def stop(self) -> None:
        """Connections are broken off; what was committed stays."""
        self._run("pg_ctl", "stop", "--wait", "--mode=fast")

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

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._binaries / program, f"--pgdata={self._data}", *arguments],
            check=True,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )


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
