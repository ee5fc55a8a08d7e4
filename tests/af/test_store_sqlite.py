"""What is particular to SQLite: one private file, one holder, and what a full disk does."""

import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from fivegms_af.config import AfConfig
from fivegms_af.errors import StorageUnavailable
from fivegms_af.server import ApplicationFunction
from fivegms_af.store.database import Database
from fivegms_api.endpoint import Endpoint


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "af.sqlite3"


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{file}")
    await database.open()
    yield database
    await database.close()


async def test_a_commit_is_on_the_disk(database: Database) -> None:
    def settings(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]

    assert await database.write(settings) == ["wal", 2, 1]


async def test_nobody_else_reads_the_files(database: Database, file: Path) -> None:
    files = [one for one in file.parent.iterdir() if one.is_file()]
    assert file in files
    assert len(files) > 1  # the journal beside it
    assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}


async def test_a_file_that_others_could_read_is_closed_to_them(file: Path) -> None:
    file.touch(0o644)
    database = Database(f"sqlite:///{file}")
    await database.open()
    await database.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_nobody_else_looks_into_the_data_folder(tmp_path: Path) -> None:
    anywhere = Endpoint("127.0.0.1", 0)
    folder = tmp_path / "data"
    async with ApplicationFunction(AfConfig(m1=anywhere, m5=anywhere, data_dir=folder)):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_one_application_function_holds_the_file(database: Database, file: Path) -> None:
    second = Database(f"sqlite:///{file}")
    with pytest.raises(StorageUnavailable, match=f"held by another .*process {os.getpid()}"):
        await second.open()
    await second.close()
    await database.close()
    third = Database(f"sqlite:///{file}")
    await third.open()
    await third.close()


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'absent' / 'af.sqlite3'}")
    with pytest.raises(StorageUnavailable, match=r"No such file.*absent"):
        await database.open()
    await database.close()


async def test_a_file_that_is_no_database_is_named(file: Path) -> None:
    file.write_bytes(b"not a database" * 1000)
    database = Database(f"sqlite:///{file}")
    with pytest.raises(StorageUnavailable, match="not a database"):
        await database.open()
    await database.close()
    assert file.read_bytes() == b"not a database" * 1000


async def test_a_full_disk_costs_the_write_that_found_it_so(database: Database) -> None:
    def fill(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
        connection.exec_driver_sql(
            "INSERT INTO policy_releases VALUES (hex(zeroblob(100000)), '2026-11-23')"
        )

    def references(connection: Connection) -> int:
        return len(connection.exec_driver_sql("SELECT * FROM policy_releases").all())

    with pytest.raises(StorageUnavailable, match="full"):
        await database.write(fill)
    assert await database.read(references) == 0
    await database.write(
        lambda connection: (
            connection.exec_driver_sql(
                "INSERT INTO policy_releases VALUES ('r', '2026-11-23')"
            ).rowcount
        )
    )
    assert await database.read(references) == 1
