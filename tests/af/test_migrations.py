"""The schema's history, forth and back, with what is in the tables."""

from collections.abc import AsyncIterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from fivegms_af import migrations
from fivegms_af.errors import StorageUnavailable
from fivegms_af.store.database import Database
from fivegms_af.store.tables import metadata
from support.postgresql import on_both_databases

pytestmark = on_both_databases

FIRST = "0001"
NEW_SESSION = text(
    "INSERT INTO provisioning_sessions (id, type, app_id, modified, version)"
    " VALUES ('s', 'DOWNLINK', 'app', '2026-11-23 12:00:00', 1)"
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.open()
    yield database
    await database.close()


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def session_ids(connection: Connection) -> list[str]:
    return list(connection.scalars(text("SELECT id FROM provisioning_sessions")))


async def test_the_newest_migration_leaves_the_schema_of_the_tables(database: Database) -> None:
    assert await database.read(tables) == {*metadata.tables, "alembic_version"}
    assert await database.read(differences) == []


async def test_all_the_way_back_and_forth(database: Database) -> None:
    await database.write(migrations.downgrade)
    assert await database.read(tables) == {"alembic_version"}
    await database.write(migrations.upgrade)
    assert await database.read(differences) == []


async def test_a_step_keeps_what_is_there(database: Database, database_url: str) -> None:
    await database.write(lambda connection: migrations.downgrade(connection, FIRST))
    await database.write(lambda connection: connection.execute(NEW_SESSION).rowcount)
    await database.close()
    again = Database(database_url)
    await again.open()
    assert await again.read(session_ids) == ["s"]
    assert await again.read(differences) == []
    await again.write(lambda connection: migrations.downgrade(connection, FIRST))
    assert await again.read(session_ids) == ["s"]
    await again.close()


async def test_a_migration_that_is_broken_off_leaves_the_old_schema(database: Database) -> None:
    def break_off(connection: Connection) -> None:
        migrations.downgrade(connection)
        raise KeyError

    with pytest.raises(KeyError):
        await database.write(break_off)
    assert await database.read(differences) == []


async def test_a_database_of_a_newer_release_is_left_alone(
    database: Database, database_url: str
) -> None:
    newer = text("UPDATE alembic_version SET version_num = '9999'")
    await database.write(lambda connection: connection.execute(newer).rowcount)
    await database.close()
    again = Database(database_url)
    with pytest.raises(StorageUnavailable, match=r"another release.*9999"):
        await again.open()
    await again.close()
