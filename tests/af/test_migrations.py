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
    database = Database(f"sqlite:///{tmp_path / 'af 100%.sqlite3'}")
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
    assert await database.read(tables) == {*metadata.tables, "alembic_version"}
    assert await database.read(differences) == []


async def test_every_step_back_and_forth(database: Database) -> None:
    await database.open()
    await database.write(migrations.downgrade)
    assert await database.read(tables) == {"alembic_version"}
    await database.write(migrations.upgrade)
    assert await database.read(differences) == []


async def test_a_migration_that_is_broken_off_leaves_the_old_schema(database: Database) -> None:
    def break_off(connection: Connection) -> None:
        migrations.downgrade(connection)
        raise KeyError

    await database.open()
    with pytest.raises(KeyError):
        await database.write(break_off)
    assert await database.read(differences) == []
