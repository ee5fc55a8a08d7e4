"""Which variant of a subset this device fetches, and why: a pure rule with a sentence per variant.

Hard limits come first (`capabilities`, then what the app asked for); nothing that they exclude is
ever chosen. Among the rest the app's wish decides:

    balanced   the fewest bytes among those whose advertised accuracy is within 0.01 of the best;
               where nothing is advertised, the best quality ranking that arrives within 30 s, or
               the fewest bytes where none does
    accuracy   the highest advertised accuracy, then the best quality ranking, then fewest bytes
    speed      the fewest bytes, then the highest advertised accuracy

It must not know how bytes are fetched or decoded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf

from fivegms_client.capabilities import DeviceCapabilities, model_refusal, refusal
from fivegms_client.errors import NoSuitableVariant, UnsupportedOpset
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
    """The variant to fetch of one subset, and what was said of every variant."""

    subset: Subset
    chosen: Variant
    reason: str
    candidates: tuple[Candidate, ...]


def select(
    model: Model,
    subset: Subset,
    device: DeviceCapabilities,
    preferences: Preferences = DEFAULT_PREFERENCES,
    link: LinkEstimate | None = None,
    absence: Callable[[Variant], str | None] = lambda variant: None,
) -> Selection:
    """Choose a variant of `subset`.

    `absence` tells why a variant cannot be had at all (a folder that lacks its segments), or None.
    Raises UnsupportedOpset when the engine cannot run the model, whatever the variant, and
    NoSuitableVariant when every variant is refused; both before any weights are fetched.
    """
    unsupported = model_refusal(model, device)
    if unsupported is not None:
        raise UnsupportedOpset(model.name, [unsupported])
    metric = _common_metric(subset.variants)
    causes = {
        variant.id: refusal(variant, device)
        or absence(variant)
        or _unwanted(variant, preferences, link, metric)
        for variant in subset.variants
    }
    suitable = [variant for variant in subset.variants if causes[variant.id] is None]
    if not suitable:
        raise NoSuitableVariant(
            f"{model.name}, subset {subset.name}",
            [f"{variant.id}: {causes[variant.id]}" for variant in subset.variants],
        )
    chosen, reason = _CHOICES[preferences.prefer](suitable, metric, link)
    return Selection(
        subset,
        chosen,
        reason,
        tuple(_candidate(v, causes[v.id], chosen, reason, metric) for v in subset.variants),
    )


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


def _unwanted(
    variant: Variant,
    preferences: Preferences,
    link: LinkEstimate | None,
    metric: Metric | None,
) -> str | None:
    if preferences.variant not in (None, variant.id, variant.precision):
        return f"{preferences.variant} was asked for"
    accuracy = accuracy_of(variant, metric)
    if preferences.min_accuracy is not None and (
        accuracy is None or accuracy < preferences.min_accuracy
    ):
        advertised = "no accuracy" if accuracy is None else f"{accuracy:.4g}"
        return f"it advertises {advertised}, and at least {preferences.min_accuracy} was asked for"
    if link is not None and preferences.max_fetch_s is not None:
        fetch_s = link.fetch_s(variant.size_bytes)
        if fetch_s > preferences.max_fetch_s:
            return f"it would take {fetch_s:.1f} s to fetch, more than {preferences.max_fetch_s} s"
    return None


def _balanced(
    suitable: Sequence[Variant], metric: Metric | None, link: LinkEstimate | None
) -> tuple[Variant, str]:
    known = [v for v in suitable if accuracy_of(v, metric) is not None]
    if known:
        best = max(_accuracy_or_lowest(v, metric) for v in known)
        near = [v for v in known if best - _accuracy_or_lowest(v, metric) <= ACCURACY_TOLERANCE]
        return (
            min(near, key=_fewest_bytes),
            f"it has the fewest bytes of those within {ACCURACY_TOLERANCE} of the best accuracy",
        )
    prompt = [v for v in suitable if link is None or link.fetch_s(v.size_bytes) <= PATIENCE_S]
    if prompt:
        return (
            min(prompt, key=_best_quality),
            "no accuracy is advertised, and it has the best quality ranking",
        )
    return (
        min(suitable, key=_fewest_bytes),
        f"no variant arrives within {PATIENCE_S:.0f} s, and it has the fewest bytes",
    )


def _accurate(
    suitable: Sequence[Variant], metric: Metric | None, link: LinkEstimate | None
) -> tuple[Variant, str]:
    chosen = min(suitable, key=lambda v: (-_accuracy_or_lowest(v, metric), *_best_quality(v)))
    if metric is None:
        return chosen, "no accuracy is advertised, and it has the best quality ranking"
    return chosen, f"it has the highest {metric[0]}"


def _fast(
    suitable: Sequence[Variant], metric: Metric | None, link: LinkEstimate | None
) -> tuple[Variant, str]:
    chosen = min(suitable, key=lambda v: (v.size_bytes, -_accuracy_or_lowest(v, metric)))
    return chosen, "it has the fewest bytes"


_CHOICES = {
    Prefer.BALANCED: _balanced,
    Prefer.ACCURACY: _accurate,
    Prefer.SPEED: _fast,
}


def _accuracy_or_lowest(variant: Variant, metric: Metric | None) -> float:
    accuracy = accuracy_of(variant, metric)
    return -inf if accuracy is None else accuracy


def _fewest_bytes(variant: Variant) -> tuple[int, int]:
    return variant.size_bytes, variant.quality_ranking


def _best_quality(variant: Variant) -> tuple[int, int]:
    return variant.quality_ranking, variant.size_bytes


def _candidate(
    variant: Variant,
    refused: str | None,
    chosen: Variant,
    reason: str,
    metric: Metric | None,
) -> Candidate:
    if refused is not None:
        return Candidate(variant, Verdict.REFUSED, refused)
    if variant is chosen:
        return Candidate(variant, Verdict.CHOSEN, reason)
    return Candidate(variant, Verdict.TURNED_DOWN, _comparison(variant, chosen, metric))


def _comparison(variant: Variant, chosen: Variant, metric: Metric | None) -> str:
    """How a variant that would do differs from the chosen one."""
    bytes_more = variant.size_bytes - chosen.size_bytes
    size = (
        f"{abs(bytes_more):,} bytes {'larger' if bytes_more >= 0 else 'smaller'} than {chosen.id}"
    )
    own, other = accuracy_of(variant, metric), accuracy_of(chosen, metric)
    if metric is None or own is None or other is None:
        return f"it is {size}, and their accuracy cannot be compared"
    return f"it is {size}, at {metric[0]} {own:.4g} against {other:.4g}"
