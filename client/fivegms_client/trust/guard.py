"""The shell around trust: gets what lies beside a manifest, has it verified, keeps what was seen.

It runs between manifest and segments. A release that is being replaced at this moment, one file
after the other, is asked for once more before it is refused.
"""

import asyncio
from pathlib import Path

from fivegms_client.clock import Clock
from fivegms_client.errors import (
    AccessRefused,
    NotTrusted,
    ReleaseMismatch,
    ServerUnreachable,
    SignatureInvalid,
    SignatureMissing,
)
from fivegms_client.manifest_access import AccessedManifest
from fivegms_client.transfer import Transfer
from fivegms_client.trust.bundle import MAX_BUNDLE_BYTES
from fivegms_client.trust.memory import ReleaseMemory
from fivegms_client.trust.policy import NOBODY_LOOKED, Trust, TrustMode, TrustPolicy
from fivegms_client.trust.verification import (
    Evidence,
    VerifiedRelease,
    check_release,
    verify_signature,
)
from fivegms_manifests.release import (
    MAX_RELEASE_BYTES,
    RELEASE_SUFFIX,
    SIGNATURE_SUFFIX,
    beside,
)

REPLACEMENT_PAUSE_S = 1.0
"""How long a provider's upload of the second file may take after that of the first."""

_PAST_CACHES = {"Cache-Control": "no-cache"}


class TrustGuard:
    """Judges manifests by one policy. Keep it for as long as the app runs, or make it anew."""

    def __init__(self, policy: TrustPolicy, transfer: Transfer, clock: Clock) -> None:
        self._policy = policy
        self._transfer = transfer
        self._clock = clock
        self._memory = ReleaseMemory(policy.state_path)

    async def judge(self, accessed: AccessedManifest) -> Trust:
        """What is known of who published the manifest.

        Raises a leaf of NotTrusted where the policy enforces, or ServerUnreachable.
        """
        if self._policy.mode is TrustMode.OFF:
            return NOBODY_LOOKED
        try:
            return await self._verified(accessed)
        except (NotTrusted, ServerUnreachable) as problem:
            if self._policy.mode is TrustMode.ENFORCE:
                raise
            return Trust(self._policy.mode, warning=_warning(problem))

    async def _verified(self, accessed: AccessedManifest) -> Trust:
        evidence = await self._evidence(accessed)
        try:
            verified = verify_signature(evidence, self._policy.keys)
        except (SignatureInvalid, ReleaseMismatch):
            if accessed.url is None:
                raise
            await self._clock.sleep(REPLACEMENT_PAUSE_S)
            evidence = await self._evidence(accessed)
            verified = verify_signature(evidence, self._policy.keys)
        await self._admit(accessed, verified)
        kept = ((RELEASE_SUFFIX, evidence.release), (SIGNATURE_SUFFIX, evidence.bundle))
        return Trust(self._policy.mode, verified.signer, verified.release, evidence=kept)

    async def _admit(self, accessed: AccessedManifest, verified: VerifiedRelease) -> None:
        check_release(
            verified,
            accessed.manifest.model,
            self._clock.utc(),
            wanted=self._policy.model,
            clock_skew=self._policy.clock_skew,
        )
        await asyncio.to_thread(self._memory.admit, verified)

    async def _evidence(self, accessed: AccessedManifest) -> Evidence:
        release = await self._beside(accessed, RELEASE_SUFFIX, MAX_RELEASE_BYTES)
        bundle = await self._beside(accessed, SIGNATURE_SUFFIX, MAX_BUNDLE_BYTES)
        return Evidence(accessed.document, release, bundle)

    async def _beside(self, accessed: AccessedManifest, suffix: str, limit_bytes: int) -> bytes:
        if accessed.path is not None:
            path = accessed.path.with_name(accessed.path.name + suffix)
            return await asyncio.to_thread(_read, path, limit_bytes)
        url = beside(accessed.url or "", suffix)
        try:
            answer = await self._transfer.document(
                url, limit_bytes=limit_bytes, headers=_PAST_CACHES
            )
        except AccessRefused as error:
            raise _missing(url, str(error)) from error
        return answer.body


def _read(path: Path, limit_bytes: int) -> bytes:
    """At most one byte more than the limit, which the parser then refuses."""
    try:
        with path.open("rb") as file:
            return file.read(limit_bytes + 1)
    except OSError as error:
        raise _missing(str(path), error.strerror or str(error)) from error


def _warning(problem: NotTrusted | ServerUnreachable) -> NotTrusted:
    """Who is only warned runs a model that is here, whatever becomes of its signature."""
    return problem if isinstance(problem, NotTrusted) else SignatureMissing(str(problem))


def _missing(where: str, cause: str) -> SignatureMissing:
    return SignatureMissing(
        f"the manifest is not signed: {where} cannot be had ({cause}); ask the provider to sign it "
        "(`fivegms sign`)"
    )
