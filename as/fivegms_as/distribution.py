"""A distribution as it is enforced: what a `distributionConfigurations` entry means.

Worked out once, when the configuration comes in: patterns are compiled, names gathered. One that
asks for nothing special is `plain`, and costs a request nothing.
Pure; who may have content is decided in `admission`.
"""

from dataclasses import dataclass
from http import HTTPStatus

from fivegms_api.content_hosting import CachingDirectives, UrlSignature
from fivegms_api.path_rewriting import rewritten_path
from fivegms_api.provider_pattern import ProviderPattern
from fivegms_as.errors import InvalidPath, UnknownContent
from fivegms_as.media_types import cache_control
from fivegms_as.names import content_path
from fivegms_as.namespace import StoredObject
from fivegms_manifests.release import lies_beside_manifest

_OF_A_FOUND_OBJECT = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.NOT_MODIFIED})


@dataclass(frozen=True, slots=True)
class SignedUrls:
    """Which requests need a signature, and which."""

    pattern: ProviderPattern
    signature: UrlSignature


@dataclass(frozen=True, slots=True)
class CachingRule:
    """Directives for paths that match and statuses that are listed; no list means all of them.

    A rule without directives leaves what it covers as it is, and to no later rule.
    """

    pattern: ProviderPattern
    statuses: frozenset[int]
    directives: CachingDirectives | None

    def covers(self, path: str, status: int) -> bool:
        """Whether the rule speaks of an answer.

        The statuses are an origin's: 200, 206 and 304 all tell of content that it has, so a filter
        for 200 covers them.
        """
        if not self.pattern.found_in(path):
            return False
        found = status in _OF_A_FOUND_OBJECT and HTTPStatus.OK in self.statuses
        return not self.statuses or status in self.statuses or found


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """One way out at M4d, told apart by identity: a new configuration has new distributions.

    `names` are the host names that are answered, where empty: all. `rewriting` has patterns and
    what takes the place of a match. `origin` is the base URL that content is pulled from, with a
    final slash; None for what is pushed or prepared. `model_manifest` is the content path of the
    model MPD that is entered here, where the provider prepared that.
    """

    template: str | None = None
    names: frozenset[str] = frozenset()
    certificate: str | None = None
    signed: SignedUrls | None = None
    locators: tuple[str, ...] = ()
    rewriting: tuple[tuple[ProviderPattern, str], ...] = ()
    caching: tuple[CachingRule, ...] = ()
    origin: str | None = None
    model_manifest: str | None = None

    @property
    def plain(self) -> bool:
        """Whether a request is answered from the store with nothing else to see to."""
        guarded = self.names or self.certificate or self.signed or self.locators
        return not (guarded or self.rewriting or self.caching or self.origin)

    @property
    def restricted(self) -> bool:
        """Whether not everyone may have the content, so that no shared cache may keep it."""
        return bool(self.signed or self.locators)

    def carries(self, stored: StoredObject) -> bool:
        """Whether content goes out here: what the template made, or else what was ingested.

        A model's source and its held-out evaluation set so stay inside: where a model goes out that
        its provider prepared, nothing else does than its folder. What a provider signs of a
        manifest goes out with what was made.
        """
        if self.template is None:
            return not stored.templates and stored.path.startswith(self._folder)
        signs = not stored.templates and lies_beside_manifest(stored.path)
        return signs or self.template in stored.templates

    @property
    def _folder(self) -> str:
        """With its slash; of all content, empty."""
        folder, slash, _ = (self.model_manifest or "").rpartition("/")
        return folder + slash

    def content_path(self, path: str) -> str:
        """The content path that a request path means, both relative and decoded.

        Raises UnknownContent where the outcome is no content path.
        """
        try:
            return content_path(rewritten_path(path, self.rewriting))
        except InvalidPath:
            raise UnknownContent(path) from None

    def directives(self, path: str, status: int) -> CachingDirectives | None:
        """What the first rule that covers an answer says."""
        for rule in self.caching:
            if rule.covers(path, status):
                return rule.directives
        return None

    def ruled_cache_control(self, path: str, status: int) -> str | None:
        """The Cache-Control that a rule asks for; None where none does."""
        directives = self.directives(path, status)
        if directives is None:
            return None
        if directives.no_cache:
            value = "no-cache"
        elif directives.max_age is not None:
            value = f"max-age={directives.max_age}"
        else:
            return None
        return f"private, {value}" if self.restricted else value

    def cache_control(self, path: str, stored: StoredObject) -> str:
        """The Cache-Control of an object that was asked for by `path`."""
        if self.caching and (ruled := self.ruled_cache_control(path, HTTPStatus.OK)):
            return ruled
        usual = cache_control(stored.path, stored.sha256)
        return usual.replace("public", "private") if self.restricted else usual
