from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from fivegms_af import migrations
from fivegms_af.store.database import Database
from fivegms_af.store.tables import metadata


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'af 100%.sqlite3'}")
    yield database
    await database.close()


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


async def test_an_empty_database_is_brought_to_the_schema_of_the_tables(
    database: Database,
) -> None:
    await database.open()
    async with database.writing() as connection:
        assert await connection.run_sync(tables) == {*metadata.tables, "alembic_version"}
        assert await connection.run_sync(differences) == []


async def test_opening_again_changes_nothing(database: Database) -> None:
    await database.open()
    await database.open()
    async with database.reading() as connection:
        versions = (await connection.exec_driver_sql("SELECT * FROM alembic_version")).all()
    assert versions == [("0001",)]


async def test_every_step_back_and_forth(database: Database) -> None:
    await database.open()
    async with database.writing() as connection:
        await connection.run_sync(migrations.downgrade)
        assert await connection.run_sync(tables) == {"alembic_version"}
    async with database.writing() as connection:
        await connection.run_sync(migrations.upgrade)
        assert await connection.run_sync(differences) == []


async def test_a_migration_that_is_broken_off_leaves_the_old_schema(database: Database) -> None:
    async def break_off() -> None:
        async with database.writing() as connection:
            await connection.run_sync(migrations.upgrade)
            raise KeyError

    with pytest.raises(KeyError):
        await break_off()
    async with database.reading() as connection:
        assert await connection.run_sync(tables) == set()
