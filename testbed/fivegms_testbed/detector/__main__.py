"""`python -m fivegms_testbed.detector FOLDER`: make the detector, its media and its card again.

Five steps, each from the files of those before it: train, export, compose the media, measure, write
the card. `--weights` starts from weights that `fivegms_testbed.detector.train` wrote.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx

from fivegms_testbed.detector.card import write_card
from fivegms_testbed.detector.evaluate import Detector, Figures, measure
from fivegms_testbed.detector.export import Arrays
from fivegms_testbed.detector.finish import threshold_of, with_threshold
from fivegms_testbed.detector.footage import write_clip, write_evaluation

MODEL = "digits_detector.onnx"
CARD = "digits_detector.md"
FIGURES = "digits_detector.json"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m fivegms_testbed.detector")
    parser.add_argument("folder", type=Path, help="where the files are written")
    parser.add_argument("--weights", type=Path, help="trained weights; without them, train")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    make(_weights(arguments.weights), arguments.folder)


def make(arrays: Arrays, folder: Path) -> None:
    """Everything after training."""
    model = with_threshold(arrays)
    threshold = threshold_of(model)
    (folder / MODEL).write_bytes(model.SerializeToString(deterministic=True))
    detector = Detector(model)
    evaluation = measure(detector, folder / "evaluation.mp4", write_evaluation(folder), threshold)
    clip = measure(detector, folder / "clip.mp4", write_clip(folder), threshold)
    _write_figures(folder, {"evaluation.mp4": evaluation, "clip.mp4": clip})
    (folder / CARD).write_text(_card(model, evaluation, clip))


def _weights(path: Path | None) -> Arrays:
    import torch

    from fivegms_testbed.detector.train import Schedule, train

    state = torch.load(path, weights_only=True) if path else train(Schedule()).state_dict()
    return {name: tensor.numpy() for name, tensor in state.items()}


def _write_figures(folder: Path, figures: dict[str, Figures]) -> None:
    document = {name: one.to_json() for name, one in figures.items()}
    (folder / FIGURES).write_text(json.dumps(document, indent=2) + "\n")


def _card(model: onnx.ModelProto, evaluation: Figures, clip: Figures) -> str:
    learned = [
        tensor for tensor in model.graph.initializer if tensor.name.endswith((".weight", ".bias"))
    ]
    return write_card(
        size_bytes=model.ByteSize(),
        opset=model.opset_import[0].version,
        ir_version=model.ir_version,
        parameters=sum(int(np.prod(tensor.dims)) for tensor in learned),
        convolutions=sum(node.op_type == "Conv" for node in model.graph.node),
        evaluation=evaluation,
        clip=clip,
    )


if __name__ == "__main__":
    main()
