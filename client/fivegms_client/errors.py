"""What can go wrong between a UE and its model, by cause. Every message says what to do next.

    ClientError
      BadEntry                 the address names nothing that this client can open
      BadOption                an option names something that the model does not have
      AccessRefused            the AF or AS answered, and said no
        NotAuthorised            the AF wants a token, or another one
        NotFound                 nothing is at that address
        NoModelOffered           the session, or the AF, offers no model that fits the request
        BadAnswer                the answer is not what its interface promises
        ManifestRefused          the document is no model MPD that this client takes
      NotTrusted               no provider that the app trusts vouches for this manifest
        SignatureMissing         nothing is signed, or the signature cannot be had
        SignatureMalformed       what lies in the signature's place cannot be read
        SignerUnknown            it is signed with a key that the app does not trust
        SignatureInvalid         the signature is not that of the key over these bytes
        ReleaseMismatch          what is signed is another manifest
        ModelUnexpected          what is signed is another model than the app wants
        ReleaseExpired           what is signed counts no longer
        ReleaseOlderThanSeen     this device has seen a newer release (rollback)
        ReleaseContradicts       this device has seen another release of the same counter
        TrustStateUnusable       what this device has seen cannot be read or kept
      KeyUnavailable           the key of an encrypted variant is not to be had
      FetchInterrupted         a connection broke; transfers try again, so no app sees this one
      ServerUnreachable        no answer within the time that the retry policy allows
      SegmentFailed            a segment cannot be had
        SegmentMissing           no server that the manifest names has it
        SegmentCorrupt           what arrives is not what the manifest promises
      NoSuitableVariant        this device can run none of the variants
        UnsupportedOpset         the model needs operators that this engine does not have
      ModelDamaged             the parts arrived intact and do not make the model
        WrongPayload             a segment carries something else than weights
        WrongKey                 a segment does not open with the key for it
        WrongModelSegment        a segment belongs to another model or subset
        MoreThanPromised         the weights are larger than the manifest says
        EngineRefused            the engine does not load what the parts make
      CacheUnusable            the folder that should keep segments cannot
      IdentityUnusable         the file that should keep this UE's identifier cannot
      ModelClosed              the model was closed before this call

No HTTP status lives here; `http_fetcher` maps statuses to these causes.
"""

from collections.abc import Sequence


class ClientError(Exception):
    """The base of every error of this package."""


class BadEntry(ClientError):
    """The address names nothing that this client can open."""


class BadOption(ClientError):
    """An option names something that the model does not have."""


class AccessRefused(ClientError):
    """The AF or AS answered, and said no."""


class NotAuthorised(AccessRefused):
    """The AF wants an access token, or another one; or none is to be had."""


class NotFound(AccessRefused):
    """Nothing is at that address."""


class NoModelOffered(AccessRefused):
    """The session, or the AF, offers no model that fits the request."""


class BadAnswer(AccessRefused):
    """The answer is not what its interface promises."""


class FetchInterrupted(ClientError):
    """A connection broke, or the server asked for patience; `retry_after_s` if it said how long."""

    def __init__(self, cause: str, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(cause)


class ManifestRefused(BadAnswer):
    """The document is no model MPD that this client takes; the cause is in the message."""


class ServerUnreachable(ClientError):
    """No answer within the time that the retry policy allows."""

    def __init__(self, url: str, waited_s: float, cause: str) -> None:
        self.url = url
        self.waited_s = waited_s
        super().__init__(
            f"{url} could not be had within {waited_s:.0f} s ({cause}); check that the server is "
            "up and reachable from here, then try again: finished segments are not fetched twice "
            "when a cache is in use"
        )


class NotTrusted(ClientError):
    """No provider that the app trusts vouches for this manifest; nothing more was fetched."""


class SignatureMissing(NotTrusted):
    """Nothing is signed, or the signature cannot be had."""


class SignatureMalformed(NotTrusted):
    """What lies in the signature's place cannot be read."""


class SignerUnknown(NotTrusted):
    """The manifest is signed with a key that the app does not trust."""


class SignatureInvalid(NotTrusted):
    """The signature is not that of the key over these bytes."""


class ReleaseMismatch(NotTrusted):
    """What is signed is another manifest."""


class ModelUnexpected(NotTrusted):
    """What is signed is another model than the app wants."""


class ReleaseExpired(NotTrusted):
    """What is signed counts no longer."""


class ReleaseOlderThanSeen(NotTrusted):
    """This device has seen a newer release of the model."""


class ReleaseContradicts(NotTrusted):
    """This device has seen another release of the same counter."""


class TrustStateUnusable(NotTrusted):
    """What this device has seen cannot be read or kept, so old releases cannot be told."""


class KeyUnavailable(ClientError):
    """The key of an encrypted variant is not to be had, or would come from a wrong place."""


class SegmentFailed(ClientError):
    """A segment cannot be had."""


class SegmentMissing(SegmentFailed):
    """No server that the manifest names has the segment."""

    def __init__(self, urls: Sequence[str]) -> None:
        self.urls = tuple(urls)
        super().__init__(
            f"segment {urls[0]} is in the manifest, and no server has it; the publication is "
            "incomplete or was withdrawn: fetch the manifest again or tell the provider"
        )


class SegmentCorrupt(SegmentFailed):
    """What arrives is not what the manifest promises, time after time."""

    def __init__(self, url: str, attempts: int, cause: str) -> None:
        self.url = url
        super().__init__(
            f"segment {url} arrived {attempts} times and was wrong each time ({cause}); nothing of "
            "it was used: a cache between here and the server may be damaged, or the publication is"
        )


class NoSuitableVariant(ClientError):
    """This device can run none of the variants; `causes` has one sentence for each."""

    def __init__(self, subject: str, causes: Sequence[str]) -> None:
        self.causes = tuple(causes)
        listed = "; ".join(dict.fromkeys(causes)) or "the manifest offers no variant"
        super().__init__(f"no variant of {subject} suits this device: {listed}")


class UnsupportedOpset(NoSuitableVariant):
    """The model needs operators that this device's engine does not have."""


class ModelDamaged(ClientError):
    """The parts arrived intact and do not make the model that the manifest describes."""


class WrongPayload(ModelDamaged):
    """A segment carries something else than weights."""


class WrongKey(ModelDamaged):
    """A segment does not open with the key for it: another key, another place, or changed."""


class WrongModelSegment(ModelDamaged):
    """A segment belongs to another model or subset."""


class MoreThanPromised(ModelDamaged):
    """The weights are larger than the manifest says, so they were not decoded."""


class EngineRefused(ModelDamaged):
    """The engine does not load what the parts make; the message is its own."""


class CacheUnusable(ClientError):
    """The folder that should keep segments cannot."""


class IdentityUnusable(ClientError):
    """The file that should keep this UE's identifier cannot."""


class ModelClosed(ClientError):
    """The model was closed before this call."""
