"""What every task can do: pictures in, results out, results judged against the truth.

A task gives meaning to a model's tensors and to nothing else: it opens no file, runs no model and
holds no state, so one instance serves every model of its kind.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from fivegms_engine.tasks.outputs import Outputs
from fivegms_engine.tasks.pictures import Placement
from fivegms_engine.tasks.results import ModelIO, Result

ResultT = TypeVar("ResultT", bound=Result)
TruthT_contra = TypeVar("TruthT_contra", contravariant=True)

Feeds = dict[str, NDArray[np.floating]]
"""Input tensors by name."""


class Task(Protocol[ResultT, TruthT_contra]):
    """One kind of inference over pictures."""

    @property
    def name(self) -> str:
        """The task's name in a model manifest, such as `object-detection`."""

    def feeds(
        self, images: Sequence[NDArray[np.uint8]], io: ModelIO
    ) -> tuple[Feeds, list[Placement]]:
        """The input tensors for one batch of pictures, each [H, W, 3] uint8 RGB.

        Raises UnsupportedInput where the model does not take pictures.
        """

    def results(
        self,
        outputs: Outputs,
        placements: Sequence[Placement],
        io: ModelIO,
        score_threshold: float = 0.0,
    ) -> list[list[ResultT]]:
        """What the outputs say of each picture: results of at least that score, best first.

        Raises UnsupportedOutput where they are not what the task promises.
        """

    def evaluate(
        self,
        results: Sequence[Sequence[ResultT]],
        truths: Sequence[TruthT_contra],
        score_threshold: float,
    ) -> Mapping[str, float]:
        """Accuracy figures by metric, one truth per picture; empty where the task knows none.

        `results` are those of threshold 0; figures of one operating point use `score_threshold`.
        What a truth is, each task says.
        """
