"""The model card: what a reader must know before trusting the detector, with its measured figures.

The text is `card.md` beside this module, with the figures left open. They stand in a JSON file
beside the finished card too, which tests and tools read.
"""

from importlib.resources import files

from fivegms_testbed.detector.evaluate import Figures

_TEMPLATE = "card.md"


def write_card(
    *,
    size_bytes: int,
    opset: int,
    ir_version: int,
    parameters: int,
    convolutions: int,
    evaluation: Figures,
    clip: Figures,
) -> str:
    """The card as Markdown. Both figures are of the same labels and score threshold."""
    labels = sorted(evaluation.average_precisions)
    template = (files("fivegms_testbed.detector") / _TEMPLATE).read_text(encoding="utf-8")
    return template.format(
        size_bytes=size_bytes,
        opset=opset,
        ir_version=ir_version,
        parameters=parameters,
        convolutions=convolutions,
        threshold=evaluation.score_threshold,
        evaluation=_accuracy(evaluation),
        clip=_accuracy(clip),
        labels=" | ".join(labels),
        rules="---|" * len(labels),
        evaluation_by_label=_by_label(evaluation, labels),
        clip_by_label=_by_label(clip, labels),
    )


def _accuracy(figures: Figures) -> str:
    shares = (figures.mean_average_precision, figures.precision, figures.recall)
    cells = [*(f"{share:.4f}" for share in shares), str(figures.pictures), str(figures.objects)]
    return " | ".join(cells)


def _by_label(figures: Figures, labels: list[str]) -> str:
    return " | ".join(f"{figures.average_precisions[label]:.3f}" for label in labels)
