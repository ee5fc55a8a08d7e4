"""Which variant of a subset this device fetches, and why: a pure rule with a sentence per variant.

Hard limits come first (`capabilities`, then what the app asked for); nothing that they exclude is
ever chosen. Among the rest the app's wish decides:

    balanced   the fewest bytes among those whose advertised accuracy is within 0.01 of the best;
               where nothing is advertised, the best quality ranking that arrives within 30 s, or
               the fewest bytes where none does
    accuracy   the highest advertised accuracy, then the best quality ranking, then fewest bytes
    speed      the fewest bytes, then the highest advertised accuracy

Bytes are those still to be fetched: an enhancement layer costs what is missing of itself and of all
layers below, a delta its own bytes where its base is on this device, and is refused elsewhere. With
`early`, a model may run before all of its layers are here, and bytes are those until it runs: of
the layers up to the lowest that has the accuracy that was asked for.

It must not know how bytes are fetched or decoded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf

from fivegms_client.capabilities import DeviceCapabilities, model_refusal, refusal
from fivegms_client.errors import NoSuitableVariant, UnsupportedOpset
from fivegms_client.layers import Held, layers_of, missing_bytes, nothing_held
from fivegms_manifests.model import Accuracy, Model, Subset, Variant

ACCURACY_TOLERANCE = 0.01
"""How much advertised accuracy a balanced choice gives up for fewer bytes, absolute."""

PATIENCE_S = 30.0
"""How long a balanced choice lets an unmeasured better variant take to arrive."""

Metric = tuple[str, str]
"""A metric and the data set it was measured on."""


class Prefer(StrEnum):
    """What an app wants more of."""

    BALANCED = "balanced"
    ACCURACY = "accuracy"
    SPEED = "speed"


@dataclass(frozen=True, slots=True)
class LinkEstimate:
    """What the path to the AS is expected to give: bit/s down, round-trip time in seconds."""

    rate_bps: float
    rtt_s: float = 0.0

    def fetch_s(self, size_bytes: int) -> float:
        """How long `size_bytes` take to arrive, one round trip included."""
        return self.rtt_s + 8 * size_bytes / self.rate_bps if self.rate_bps > 0 else inf


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the app asks for. `max_fetch_s` needs a link estimate to have an effect.

    `variant` is a variant's id, or a precision, that must be taken.
    """

    prefer: Prefer = Prefer.BALANCED
    min_accuracy: float | None = None
    max_fetch_s: float | None = None
    variant: str | None = None

    def wants(self, variant: Variant) -> bool:
        """Whether `variant` is what was asked for, if anything was."""
        return self.variant in (None, variant.id, variant.precision)

    def too_low(self, accuracy: float | None) -> bool:
        """Whether an advertised accuracy, or none, is below what was asked for."""
        least = self.min_accuracy
        return least is not None and (accuracy is None or accuracy < least)


DEFAULT_PREFERENCES = Preferences()


class Verdict(StrEnum):
    """What became of a variant: chosen, good but not the best choice, or impossible."""

    CHOSEN = "chosen"
    TURNED_DOWN = "turned-down"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A variant, what became of it, and one sentence why."""

    variant: Variant
    verdict: Verdict
    cause: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The variant to fetch of one subset, and what was said of every variant.

    `first` is what has to be here before it runs, lowest layer first: all of `layers`, or fewer
    where the others may follow.
    """

    subset: Subset
    chosen: Variant
    reason: str
    candidates: tuple[Candidate, ...]
    first: tuple[Variant, ...]

    @property
    def layers(self) -> tuple[Variant, ...]:
        """The chosen variant and all that it builds on, lowest first."""
        return layers_of(self.chosen, self.subset.variants)


def in_use(selection: Selection, variant: Variant) -> Selection:
    """The selection as if `variant`, a layer on the way, had been chosen."""
    return replace(selection, chosen=variant)


@dataclass(frozen=True, slots=True)
class _Offer:
    """A variant with what decides: the bytes until it runs (of `first`) and until all of it is
    here, and its comparable accuracy.
    """

    variant: Variant
    first: tuple[Variant, ...]
    size_bytes: int
    all_bytes: int
    accuracy: float | None

    @property
    def known_accuracy(self) -> float:
        return -inf if self.accuracy is None else self.accuracy

    @property
    def fewest_bytes(self) -> tuple[int, int, int]:
        return self.size_bytes, self.all_bytes, self.variant.quality_ranking

    @property
    def best_quality(self) -> tuple[int, int, int]:
        return self.variant.quality_ranking, self.size_bytes, self.all_bytes


def select(
    model: Model,
    subset: Subset,
    device: DeviceCapabilities,
    preferences: Preferences = DEFAULT_PREFERENCES,
    link: LinkEstimate | None = None,
    absence: Callable[[Variant], str | None] = lambda variant: None,
    *,
    held: Held = nothing_held,
    files: bool = False,
    early: bool = False,
) -> Selection:
    """Choose a variant of `subset`.

    `absence` tells why a variant cannot be had at all (a folder that lacks its segments), or None;
    `held` whether a part is here already. With `files`, the provider's own file will do, whatever
    the device can run; with `early`, lower layers will do to begin with. Raises UnsupportedOpset
    when the engine cannot run the model, whatever the variant, and NoSuitableVariant when every
    variant is refused; both before any weights are fetched.
    """
    unsupported = model_refusal(model, device)
    if unsupported is not None:
        raise UnsupportedOpset(model.name, [unsupported])
    metric = _common_metric(subset.variants)

    def cause(offer: _Offer) -> str | None:
        as_file = files and offer.variant.container is not None
        impossible = None if as_file else _refusal(offer.variant, subset, device)
        return (
            impossible
            or _absence(offer.variant, subset, absence)
            or _unwanted(offer, preferences, link)
        )

    acceptable = preferences if early else None
    offers = [_offer(one, subset, metric, held, acceptable) for one in subset.variants]
    causes = {offer.variant.id: cause(offer) for offer in offers}
    suitable = [offer for offer in offers if causes[offer.variant.id] is None]
    if not suitable:
        raise NoSuitableVariant(
            f"{model.name}, subset {subset.name}",
            [f"{variant.id}: {causes[variant.id]}" for variant in subset.variants],
        )
    best, reason = _CHOICES[preferences.prefer](suitable, metric, link)
    if len(suitable) == 1:
        asked = preferences.variant is not None
        reason = "it was asked for" if asked else "it is the only one that suits"
    candidates = (
        _candidate(offer, causes[offer.variant.id], best, reason, metric) for offer in offers
    )
    return Selection(subset, best.variant, reason, tuple(candidates), best.first)


def accuracy_of(variant: Variant, metric: Metric | None) -> float | None:
    """The variant's figure for a (metric, data set), if it advertises one."""
    for accuracy in variant.accuracy:
        if (accuracy.metric, accuracy.data_set) == metric:
            return accuracy.value
    return None


def _common_metric(variants: Sequence[Variant]) -> Metric | None:
    """The (metric, data set) that most variants advertise: figures compare only within one."""
    advertised = [_key(accuracy) for variant in variants for accuracy in variant.accuracy]
    return max(advertised, key=advertised.count, default=None)


def _key(accuracy: Accuracy) -> Metric:
    return accuracy.metric, accuracy.data_set


def _offer(
    variant: Variant,
    subset: Subset,
    metric: Metric | None,
    held: Held,
    acceptable: Preferences | None,
) -> _Offer:
    try:
        layers = layers_of(variant, subset.variants)
    except KeyError:
        layers = (variant,)
    first = layers if acceptable is None else _first_layers(layers, metric, acceptable)
    return _Offer(
        variant,
        first,
        missing_bytes(first, held),
        missing_bytes(layers, held),
        accuracy_of(variant, metric),
    )


def _first_layers(
    layers: tuple[Variant, ...], metric: Metric | None, preferences: Preferences
) -> tuple[Variant, ...]:
    """Those up to the lowest layer that is as accurate as was asked for; all, where none is."""
    for number, layer in enumerate(layers, 1):
        if not preferences.too_low(accuracy_of(layer, metric)):
            return layers[:number]
    return layers


def _refusal(variant: Variant, subset: Subset, device: DeviceCapabilities) -> str | None:
    """Why the device cannot run `variant`, or recover what it builds on."""
    try:
        layers = layers_of(variant, subset.variants)
    except KeyError as error:
        return f"it is an enhancement of {error.args[0]}, which the manifest does not have"
    own = refusal(variant, device)
    below = (f"{one.id} below it: {why}" for one in layers[:-1] if (why := refusal(one, device)))
    return own or next(below, None)


def _absence(
    variant: Variant, subset: Subset, absence: Callable[[Variant], str | None]
) -> str | None:
    layers = layers_of(variant, subset.variants)
    return next((why for layer in layers if (why := absence(layer))), None)


def _unwanted(offer: _Offer, preferences: Preferences, link: LinkEstimate | None) -> str | None:
    variant, accuracy = offer.variant, offer.accuracy
    if not preferences.wants(variant):
        return f"{preferences.variant} was asked for"
    if preferences.too_low(accuracy):
        advertised = "no accuracy" if accuracy is None else f"{accuracy:.4g}"
        return f"it advertises {advertised}, and at least {preferences.min_accuracy} was asked for"
    if link is not None and preferences.max_fetch_s is not None:
        fetch_s = link.fetch_s(offer.size_bytes)
        if fetch_s > preferences.max_fetch_s:
            return f"it would take {fetch_s:.1f} s to fetch, more than {preferences.max_fetch_s} s"
    return None


def _balanced(
    suitable: Sequence[_Offer], metric: Metric | None, link: LinkEstimate | None
) -> tuple[_Offer, str]:
    known = [offer for offer in suitable if offer.accuracy is not None]
    if known:
        best = max(offer.known_accuracy for offer in known)
        near = [offer for offer in known if best - offer.known_accuracy <= ACCURACY_TOLERANCE]
        return (
            min(near, key=lambda offer: offer.fewest_bytes),
            f"it has the fewest bytes of those within {ACCURACY_TOLERANCE} of the best accuracy",
        )
    prompt = [o for o in suitable if link is None or link.fetch_s(o.size_bytes) <= PATIENCE_S]
    if prompt:
        return (
            min(prompt, key=lambda offer: offer.best_quality),
            "no accuracy is advertised, and it has the best quality ranking",
        )
    return (
        min(suitable, key=lambda offer: offer.fewest_bytes),
        f"no variant arrives within {PATIENCE_S:.0f} s, and it has the fewest bytes",
    )


def _accurate(
    suitable: Sequence[_Offer], metric: Metric | None, link: LinkEstimate | None
) -> tuple[_Offer, str]:
    best = min(suitable, key=lambda offer: (-offer.known_accuracy, *offer.best_quality))
    if metric is None:
        return best, "no accuracy is advertised, and it has the best quality ranking"
    return best, f"it has the highest {metric[0]}"


def _fast(
    suitable: Sequence[_Offer], metric: Metric | None, link: LinkEstimate | None
) -> tuple[_Offer, str]:
    best = min(
        suitable, key=lambda offer: (offer.size_bytes, offer.all_bytes, -offer.known_accuracy)
    )
    return best, "it has the fewest bytes"


_CHOICES = {
    Prefer.BALANCED: _balanced,
    Prefer.ACCURACY: _accurate,
    Prefer.SPEED: _fast,
}


def _candidate(
    offer: _Offer, refused: str | None, best: _Offer, reason: str, metric: Metric | None
) -> Candidate:
    if refused is not None:
        return Candidate(offer.variant, Verdict.REFUSED, refused)
    if offer is best:
        return Candidate(offer.variant, Verdict.CHOSEN, reason)
    return Candidate(offer.variant, Verdict.TURNED_DOWN, _comparison(offer, best, metric))


def _comparison(offer: _Offer, best: _Offer, metric: Metric | None) -> str:
    """How a variant that would do differs from the chosen one."""
    bytes_more = offer.size_bytes - best.size_bytes
    larger = "larger" if bytes_more >= 0 else "smaller"
    size = f"{abs(bytes_more):,} bytes {larger} than {best.variant.id}"
    if best.size_bytes < best.all_bytes or offer.size_bytes < offer.all_bytes:
        size += ", as far as it takes to run"
    if metric is None or offer.accuracy is None or best.accuracy is None:
        return f"it is {size}, and their accuracy cannot be compared"
    return f"it is {size}, at {metric[0]} {offer.accuracy:.4g} against {best.accuracy:.4g}"
