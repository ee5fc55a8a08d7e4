import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import StatementError

from fivegms_af.errors import (
    ChangedMeanwhile,
    SessionUnknown,
    TemplateUnknown,
)
from fivegms_af.provisioned import Certificate, Document, DocumentKind, Hosting, Session, Template
from fivegms_af.store.database import Database
from fivegms_af.store.provisioning_store import ProvisioningStore
from fivegms_af.store.tables import (
    deleted_sessions,
    policy_releases,
    session_handling_resources,
)
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.content_hosting import (
    ContentHostingConfiguration,
    DistributionConfiguration,
    IngestConfiguration,
)
from support.postgresql import on_both_databases

pytestmark = on_both_databases

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
POLICY = Document("p1", DocumentKind.POLICY_TEMPLATE, b"{}", NOW, b'{"state":"PENDING"}')
REPORTING = Document("c1", DocumentKind.CONSUMPTION_REPORTING, b"[]", NOW)
CERTIFICATE = Certificate("k1", ("a.example", "b.example"), None, b"key", b"request", NOW)
LATER = NOW + timedelta(seconds=5)
LONG_S = 30.0


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def store(database: Database) -> ProvisioningStore:
    store = ProvisioningStore(database)
    await store.create(SESSION)
    return store


async def until_all_is_heard(database: Database) -> None:
    heard = asyncio.Event()
    database.on_change(lambda _: heard.set())
    if not database.hears_all:
        async with asyncio.timeout(LONG_S):
            await heard.wait()


async def test_what_is_stored_comes_back(store: ProvisioningStore) -> None:
    assert await store.session("s1") == SESSION
    await store.put_hosting(SESSION, HOSTING)
    session = await store.session("s1")
    assert session == replace(SESSION, version=2, hosting=HOSTING)
    second = replace(TEMPLATE, id="t0", modified=LATER, manifest=None)
    await store.put_template(session, TEMPLATE, b"one")
    await store.put_template(await store.session("s1"), second, b"two")
    session = await store.session("s1")
    assert session.templates == (TEMPLATE, second)
    assert (session.modified, session.version) == (LATER, 4)
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


async def test_documents_come_and_go_in_order(store: ProvisioningStore) -> None:
    await store.put_document(SESSION, POLICY)
    second = replace(REPORTING, modified=LATER)
    await store.put_document(await store.session("s1"), second)
    session = await store.session("s1")
    assert session.documents == (POLICY, second)
    assert (session.modified, session.version) == (LATER, 3)
    ready = replace(POLICY, body=b'{"a":1}', status=b'{"state":"READY"}', modified=NOW)
    await store.put_document(session, ready)
    session = await store.session("s1")
    assert session.documents == (ready, second)
    assert (session.modified, session.version) == (LATER, 4)
    await store.delete_document(session, "p1", NOW)
    session = await store.session("s1")
    assert session.documents == (second,)
    assert (session.modified, session.version) == (NOW, 5)


async def test_certificates_come_and_go_in_order(store: ProvisioningStore) -> None:
    await store.put_certificate(SESSION, CERTIFICATE)
    issued = Certificate("k0", ("c.example",), b"chain", b"other key", None, LATER)
    await store.put_certificate(await store.session("s1"), issued)
    session = await store.session("s1")
    assert session.certificates == (CERTIFICATE, issued)
    assert (session.modified, session.version) == (LATER, 3)
    uploaded = replace(CERTIFICATE, chain=b"chain", signing_request=None)
    await store.put_certificate(session, uploaded)
    session = await store.session("s1")
    assert session.certificates == (uploaded, issued)
    await store.delete_certificate(session, "k0", NOW)
    session = await store.session("s1")
    assert session.certificates == (uploaded,)
    assert (session.modified, session.version) == (NOW, 5)


async def test_only_the_session_s_own_parts_are_changed(store: ProvisioningStore) -> None:
    other = replace(SESSION, id="s2")
    await store.create(other)
    await store.put_document(SESSION, POLICY)
    with pytest.raises(ChangedMeanwhile):
        await store.put_document(other, POLICY)
    await store.delete_document(other, POLICY.id, NOW)
    assert (await store.session("s1")).documents == (POLICY,)


async def test_what_the_policy_control_holds_outlives_the_session(
    database: Database, store: ProvisioningStore
) -> None:
    def hold(connection: Connection) -> None:
        same = {"kind": "k", "body": b"", "version": 1, "modified": NOW}
        held = [("s1", "r1"), ("s1", "r1"), ("s1", "r2"), ("s1", None), ("s2", "r3")]
        for number, (session_id, reference) in enumerate(held):
            row = same | {"id": str(number), "provisioning_session_id": session_id}
            row["control_reference"] = reference
            connection.execute(insert(session_handling_resources), row)
        connection.execute(insert(policy_releases), {"control_reference": "r2", "since": NOW})

    await store.create(replace(SESSION, id="s2"))
    await database.write(hold)
    await store.delete(SESSION, LATER)
    query = select(policy_releases).order_by(policy_releases.c.control_reference)
    released = await database.read(lambda connection: connection.execute(query).all())
    assert [tuple(row) for row in released] == [("r1", LATER), ("r2", NOW)]


async def test_sessions_are_listed_page_by_page(store: ProvisioningStore) -> None:
    for name in ("s3", "s0", "s2"):
        await store.create(replace(SESSION, id=name))
    assert await store.session_ids(None, 3) == ("s0", "s1", "s2")
    assert await store.session_ids("s2", 3) == ("s3",)
    assert await store.session_ids("s3", 3) == ()
    assert await store.count() == 4


async def test_what_was_read_stays_in_memory_until_it_changes(
    database: Database, store: ProvisioningStore
) -> None:
    await until_all_is_heard(database)
    known = await store.session("s1")
    assert await store.session("s1") is known
    await store.put_hosting(known, HOSTING)
    changed = await store.session("s1")
    assert changed.hosting == HOSTING
    with pytest.raises(ChangedMeanwhile):
        await store.delete(known, NOW)
    await store.delete(await store.session("s1"), NOW)
    with pytest.raises(SessionUnknown):
        await store.session("s1")


class Deaf(Database):
    """Hears nothing of what others change."""

    hears_all = False


async def test_nothing_stays_in_memory_while_others_may_change_it(database_url: str) -> None:
    database = Deaf(database_url)
    await database.open()
    store = ProvisioningStore(database)
    await store.create(SESSION)
    assert await store.session("s1") is not await store.session("s1")
    await database.close()


async def test_whoever_listens_is_told_which_session_changed(
    database: Database, store: ProvisioningStore
) -> None:
    await until_all_is_heard(database)
    told: list[str | None] = []
    store.on_change(told.append)
    await store.put_template(SESSION, TEMPLATE, b"one")
    assert told == ["s1"]


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
        await store.put_document(SESSION, POLICY)
    with pytest.raises(ChangedMeanwhile):
        await store.delete_document(SESSION, "p1", NOW)
    with pytest.raises(ChangedMeanwhile):
        await store.put_certificate(SESSION, CERTIFICATE)
    with pytest.raises(ChangedMeanwhile):
        await store.delete_certificate(SESSION, "k1", NOW)
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
