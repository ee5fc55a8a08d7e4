"""Models that a provider prepared: a manifest and its segments, ingested as they are.

Whoever hosts an entry point of the model profile without a Content Preparation Template has a model
there once its files are. Nothing is prepared, opened or measured: the manifest says what the model
is, and it is published as soon as all that it names is in the store under the digests that it
promises. So it makes no difference whether segments are encrypted.

A manifest is read once, off the event loop; what is told of it follows from the store's own list.
"""

import asyncio
from collections.abc import Iterator
from urllib.parse import unquote

from fivegms_api.ai_models import AiModel, AiModelState, FailureReason
from fivegms_as.errors import UnknownContent
from fivegms_as.namespace import Namespace, StoredObject
from fivegms_as.sessions import Session
from fivegms_as.store import ContentStore
from fivegms_manifests.errors import ManifestError
from fivegms_manifests.model import ModelManifest, SegmentRef
from fivegms_manifests.model_mpd import read_model_mpd
from fivegms_prepare.reported import variants_of

MAX_MANIFEST_BYTES = 8 * 1024 * 1024

Understood = ModelManifest | FailureReason


class IngestedModels:
    """The manifests that providers ingested, as they were understood."""

    def __init__(self, store: ContentStore) -> None:
        self._store = store
        self._sessions: dict[str, dict[StoredObject, Understood]] = {}

    async def look_at(self, session_id: str, session: Session | None, content: Namespace) -> None:
        """Read what came since the last look, and forget what went away."""
        known = self._sessions.get(session_id, {})
        present: dict[StoredObject, Understood] = {}
        for stored in _manifests(session, content):
            understood = known.get(stored) or await asyncio.to_thread(self._understand, stored)
            if understood is not None:
                present[stored] = understood
        self._sessions[session_id] = present
        if not present:
            del self._sessions[session_id]

    def models(self, session: Session, content: Namespace) -> tuple[AiModel, ...]:
        """What is told of a session's models, in order of manifest."""
        known = self._sessions.get(session.id, {})
        manifests = sorted(set(_manifests(session, content)), key=lambda stored: stored.path)
        return tuple(
            ingested_model(session.id, stored, known[stored], content)
            for stored in manifests
            if stored in known
        )

    def _understand(self, stored: StoredObject) -> Understood | None:
        """None where it went away meanwhile; then there is another look."""
        if stored.size_bytes > MAX_MANIFEST_BYTES:
            return _refusal(f"it has more than {MAX_MANIFEST_BYTES} bytes")
        try:
            with self._store.open(stored) as opened:
                return read_model_mpd(opened.read())
        except UnknownContent:
            return None
        except ManifestError as error:
            return _refusal(str(error))


def ingested_model(
    session_id: str, stored: StoredObject, understood: Understood, content: Namespace
) -> AiModel:
    """What is told of the model of one manifest. One that nobody can read is named by its path."""
    if isinstance(understood, FailureReason):
        return AiModel(
            provisioning_session_id=session_id,
            name=stored.path,
            version=1,
            task="",
            state=AiModelState.FAILED,
            reason=understood,
            manifest=stored.path,
        )
    state, reason = _state(stored, understood, content)
    return AiModel(
        provisioning_session_id=session_id,
        name=understood.model.name,
        version=understood.model.version,
        task=understood.model.task,
        state=state,
        reason=reason,
        manifest=stored.path,
        published=stored.modified if state is AiModelState.PUBLISHED else None,
        variants=variants_of(understood),
    )


def _state(
    stored: StoredObject, manifest: ModelManifest, content: Namespace
) -> tuple[AiModelState, FailureReason | None]:
    missing = []
    for path, part in _segments_here(stored, manifest):
        found = content.get(path)
        if found is None or found.prepared:
            missing.append(path)
        elif found.sha256 != part.sha256:
            detail = f"{path} has the SHA-256 {found.sha256}, the manifest says {part.sha256}"
            return AiModelState.FAILED, FailureReason(type="segment-mismatch", detail=detail)
    if not missing:
        return AiModelState.PUBLISHED, None
    detail = f"not ingested yet: {missing[0]}"
    if len(missing) > 1:
        detail += f", and {len(missing) - 1} more that {stored.path} names"
    return AiModelState.AWAITING_UPLOAD, FailureReason(type="awaiting-upload", detail=detail)


def _segments_here(
    stored: StoredObject, manifest: ModelManifest
) -> Iterator[tuple[str, SegmentRef]]:
    """The segments that are to lie in the manifest's folder, each with its content path."""
    if manifest.base_urls:
        return
    folder, slash, _ = stored.path.rpartition("/")
    parts = (
        part
        for subset in manifest.subsets
        for variant in subset.variants
        for part in variant.parts()
    )
    for part in dict.fromkeys(parts):
        if not part.url.startswith(("http://", "https://")):
            yield folder + slash + unquote(part.url), part


def _manifests(session: Session | None, content: Namespace) -> Iterator[StoredObject]:
    hosting = session.hosting if session is not None else None
    for distribution in hosting.distributions if hosting is not None else ():
        stored = content.get(distribution.model_manifest or "")
        if stored is not None and not stored.prepared:
            yield stored


def _refusal(why: str) -> FailureReason:
    return FailureReason(type="manifest-refused", detail=f"the manifest cannot be used: {why}")
