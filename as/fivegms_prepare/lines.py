"""The whole model after each chain of optimisation stages, with its figures and stage table.

A chain's model is made of the one before it when it is asked for. Memory holds these two and the
source: a chain that goes on from the last one begins there. Figures are kept in the journal, so a
chain of which all is finished is not gone through again.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import TypeAdapter

from fivegms_api.model_stages import stage_text
from fivegms_engine.graph import SeparatedModel
from fivegms_manifests.model import Figures, Stage
from fivegms_prepare.decoding import Decoded
from fivegms_prepare.evaluation import Examination, contents_of
from fivegms_prepare.figures import source_bytes
from fivegms_prepare.journal import Journal
from fivegms_prepare.optimise import Calibration, apply, label, report
from fivegms_prepare.profile import profile
from fivegms_prepare.recipes import Chain


@dataclass(frozen=True, slots=True)
class Line:
    """What a chain leads to: its stages and what each did, its figures, its memory."""

    stages: tuple[Stage, ...]
    figures: Figures
    activation_bytes: int | None


_LINE = TypeAdapter(Line)


class Lines:
    """All chains over one source."""

    def __init__(
        self,
        source: SeparatedModel,
        examination: Examination,
        calibration: Calibration | None,
        journal: Journal,
    ) -> None:
        self._examination = examination
        self._calibration = calibration
        self._journal = journal
        self._models: dict[Chain, SeparatedModel] = {(): source}

    def line(self, chain: Chain) -> Line:
        """The figures of a chain and of all it begins with.

        Raises a ModelRefused if a stage cannot be done, or its result is not loaded.
        """
        key = "line " + " ".join(map(stage_text, chain))
        return self._journal.recall(key, _LINE, lambda: self._measure(chain))

    def model(self, chain: Chain) -> SeparatedModel:
        """The model that a chain makes; kept until another chain is asked for."""
        self._keep(chain[:length] for length in range(len(chain) + 1))
        if chain not in self._models:
            before = self.model(chain[:-1])
            self._models[chain] = apply(chain[-1], before, self._calibration)
        self._keep([(), chain[:-1], chain])
        return self._models[chain]

    def _keep(self, chains: Iterable[Chain]) -> None:
        self._models = {one: self._models[one] for one in chains if one in self._models}

    def _measure(self, chain: Chain) -> Line:
        model = self.model(chain)
        tensors = {weight.name: weight.array() for weight in model.weights}
        decoded = Decoded(model.topology(), tensors)
        performance = self._examination.of_model(decoded, contents_of(decoded), judged=True)
        figures = performance.figures(source_bytes(model))
        stages: tuple[Stage, ...] = ()
        if chain:
            before = self.line(chain[:-1])
            stages = (*before.stages, self._stage(chain, before.figures, figures))
        return Line(stages, figures, profile(model).activation_bytes)

    def _stage(self, chain: Chain, before: Figures, after: Figures) -> Stage:
        described = label(chain[-1])
        done = report(chain[-1], self._models[chain[:-1]], self._models[chain])
        settings = "; ".join(text for text in (described.settings, done) if text)
        return Stage(
            described.name, described.recovery, described.transparent, settings, before, after
        )
