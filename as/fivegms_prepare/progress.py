"""How far a preparation is: stages with a share of the work each, and steps within a stage."""

from collections.abc import Callable

from fivegms_api.ai_models import PreparationProgress

Report = Callable[[PreparationProgress], None]

_STEP = 0.01


class Progress:
    """Turns "half of this stage" into "this share of everything", and reports it sparingly.

    The work of all stages together is 1 until `expect` says otherwise.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._stage = ""
        self._from = self._to = 0.0
        self._scale = 1.0
        self._reported = -1.0

    def expect(self, work: float) -> None:
        """Say how much work the stages that are still to come are, in the units of `stage`."""
        self._scale = (1.0 - self._to) / work

    def stage(self, name: str, work: float) -> None:
        """Begin a stage of that much work; the one before it is thereby done."""
        self._stage = name
        self._from, self._to = self._to, min(self._to + work * self._scale, 1.0)
        self._tell(self._from)

    def step(self, fraction: float) -> None:
        """Say that `fraction` of the stage is done; steps below a hundredth are kept quiet."""
        total = self._from + (self._to - self._from) * fraction
        if total >= self._reported + _STEP:
            self._tell(total)

    def end(self) -> None:
        """Say that everything is done."""
        self._tell(1.0)

    def _tell(self, fraction: float) -> None:
        self._reported = max(fraction, self._reported)
        self._report(PreparationProgress(stage=self._stage, fraction=round(self._reported, 4)))
