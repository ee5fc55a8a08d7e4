from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert
from sqlalchemy.exc import StatementError

from fivegms_af.errors import (
    ChangedMeanwhile,
    SessionUnknown,
    StorageUnavailable,
    TemplateUnknown,
)
from fivegms_af.provisioned import Hosting, Session, Template
from fivegms_af.store.database import Database
from fivegms_af.store.provisioning_store import ProvisioningStore
from fivegms_af.store.tables import deleted_sessions
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.content_hosting import (
    ContentHostingConfiguration,
    DistributionConfiguration,
    IngestConfiguration,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
SESSION = Session("s1", ProvisioningSessionType.DOWNLINK, "app", "asp", NOW, 1)
HOSTING = Hosting(
    ContentHostingConfiguration(
        name="n",
        ingest_configuration=IngestConfiguration(pull=False),
        distribution_configurations=(DistributionConfiguration(certificate_id="c"),),
    ),
    NOW,
)
TEMPLATE = Template("t1", "a/b", "0" * 64, "model.mpd", NOW)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'af.sqlite3'}")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def store(database: Database) -> ProvisioningStore:
    store = ProvisioningStore(database)
    await store.create(SESSION)
    return store


async def test_what_is_stored_comes_back(store: ProvisioningStore) -> None:
    assert await store.session("s1") == SESSION
    await store.put_hosting(SESSION, HOSTING)
    session = await store.session("s1")
    assert session == replace(SESSION, version=2, hosting=HOSTING)
    later = NOW + timedelta(seconds=5)
    second = replace(TEMPLATE, id="t0", modified=later, manifest=None)
    await store.put_template(session, TEMPLATE, b"one")
    await store.put_template(await store.session("s1"), second, b"two")
    session = await store.session("s1")
    assert session.templates == (TEMPLATE, second)
    assert (session.modified, session.version) == (later, 4)
    assert await store.template_body("t1") == b"one"


async def test_what_is_replaced_and_deleted(store: ProvisioningStore) -> None:
    await store.put_template(SESSION, TEMPLATE, b"one")
    changed = replace(TEMPLATE, content_type="c/d", sha256="1" * 64)
    await store.put_template(await store.session("s1"), changed, b"two")
    await store.put_hosting(await store.session("s1"), HOSTING)
    session = await store.session("s1")
    assert session.templates == (changed,)
    await store.delete_hosting(session, NOW)
    await store.delete_template(await store.session("s1"), "t1", NOW)
    session = await store.session("s1")
    assert (session.hosting, session.templates) == (None, ())
    with pytest.raises(TemplateUnknown):
        await store.template_body("t1")


async def test_a_deleted_session_takes_everything_and_is_remembered(
    store: ProvisioningStore,
) -> None:
    await store.put_template(SESSION, TEMPLATE, b"one")
    await store.put_hosting(await store.session("s1"), HOSTING)
    await store.delete(await store.session("s1"), NOW)
    assert await store.sessions() == {}
    assert await store.deleted_sessions() == {"s1"}
    with pytest.raises(SessionUnknown):
        await store.session("s1")
    with pytest.raises(TemplateUnknown):
        await store.template_body("t1")
    await store.forget_deleted(["s1", "s2"])
    assert await store.deleted_sessions() == frozenset()


async def test_whoever_decided_on_an_old_version_is_told(store: ProvisioningStore) -> None:
    await store.put_hosting(SESSION, HOSTING)
    other = Hosting(HOSTING.configuration.model_copy(update={"name": "other"}), NOW)
    with pytest.raises(ChangedMeanwhile):
        await store.put_hosting(SESSION, other)
    with pytest.raises(ChangedMeanwhile):
        await store.delete_hosting(SESSION, NOW)
    with pytest.raises(ChangedMeanwhile):
        await store.put_template(SESSION, TEMPLATE, b"")
    with pytest.raises(ChangedMeanwhile):
        await store.delete_template(SESSION, "t1", NOW)
    with pytest.raises(ChangedMeanwhile):
        await store.delete(SESSION, NOW)
    assert await store.session("s1") == replace(SESSION, version=2, hosting=HOSTING)


async def test_an_identifier_is_used_once(store: ProvisioningStore) -> None:
    with pytest.raises(ChangedMeanwhile):
        await store.create(SESSION)


async def test_some_sessions_or_all(store: ProvisioningStore) -> None:
    other = replace(SESSION, id="s2", asp_id=None)
    await store.create(other)
    assert await store.sessions() == {"s1": SESSION, "s2": other}
    assert await store.sessions(["s2", "s3"]) == {"s2": other}
    assert await store.sessions([]) == {}


async def test_instants_survive_in_any_zone(database: Database, store: ProvisioningStore) -> None:
    east = NOW.astimezone(timezone(timedelta(hours=9)))
    await store.create(replace(SESSION, id="s2", modified=east))
    assert (await store.session("s2")).modified == NOW
    statement = insert(deleted_sessions).values(
        provisioning_session_id="x", deleted=NOW.replace(tzinfo=None)
    )
    with pytest.raises(StatementError, match="naive"):
        await database.write(lambda connection: connection.execute(statement))


async def test_sqlite_is_durable(database: Database) -> None:
    def settings(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]

    assert await database.write(settings) == ["wal", 2, 1]


async def test_a_database_that_does_not_open_is_named(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'absent' / 'af.sqlite3'}")
    with pytest.raises(StorageUnavailable, match="No such file"):
        await database.open()
    await database.close()


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "af.sqlite3"
    file.write_bytes(b"not a database" * 1000)
    database = Database(f"sqlite:///{file}")
    with pytest.raises(StorageUnavailable, match="not a database"):
        await database.open()
    await database.close()
    assert file.read_bytes() == b"not a database" * 1000


async def test_disk_full_loses_nothing(database: Database, store: ProvisioningStore) -> None:
    def leave_two_pages(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")

    await database.write(leave_two_pages)
    with pytest.raises(StorageUnavailable, match="full"):
        await store.put_template(SESSION, TEMPLATE, b"x" * 100_000)
    assert await store.session("s1") == SESSION
