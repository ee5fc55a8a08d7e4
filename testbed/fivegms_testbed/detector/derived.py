"""`python -m fivegms_testbed.detector.derived FOLDER`: measure the derived detectors.

The folder has `digits_detector.onnx` and the models that `finetune` and `distil` wrote. Beside them
come the media of the new place, the figures as JSON, and the card of all of them. `--hard-only`
names the student that had no teacher, which is measured and not shipped.
"""

import argparse
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from fivegms_engine.tasks.ground_truth import GroundTruth, load_ground_truth
from fivegms_testbed.detector.evaluate import Detector, measure
from fivegms_testbed.detector.export import learned
from fivegms_testbed.detector.finish import threshold_of
from fivegms_testbed.detector.footage import write_evaluation
from fivegms_testbed.detector.places import Place

CARD = "digits_detector_derived.md"
FIGURES = "digits_detector_derived.json"
MODELS = (
    "digits_detector.onnx",
    "digits_detector_walls.onnx",
    "digits_detector_heads.onnx",
    "digits_detector_small.onnx",
)

Row = Mapping[str, Any]


def measure_all(folder: Path, hard_only: Path | None) -> list[Row]:
    """The figures of every model over the held-out media of both places."""
    truths = {f"evaluation_{Place.WALLS}.mp4": write_evaluation(folder, Place.WALLS)}
    evaluation = folder / "evaluation.mp4"
    truths[evaluation.name] = load_ground_truth(evaluation.with_suffix(".json"))
    rows = [_row(name, folder / name, truths, folder) for name in MODELS]
    if hard_only is not None:
        rows.append(_row("hard targets only", hard_only, truths, folder))
    return rows


def _row(name: str, path: Path, truths: Mapping[str, GroundTruth], folder: Path) -> Row:
    model = onnx.load(path)
    detector, threshold = Detector(model), threshold_of(model)
    return {
        "model": name,
        "parameters": sum(int(np.size(array)) for array in learned(model).values()),
        "bytes": path.stat().st_size,
        **{
            media: measure(detector, folder / media, truth, threshold).to_json()
            for media, truth in sorted(truths.items())
        },
    }


def write_card(rows: list[Row]) -> str:
    """The card as Markdown."""
    template = (files("fivegms_testbed.detector") / "derived.md").read_text(encoding="utf-8")
    return template.format(rows="\n".join(map(_line, rows)))


def _line(row: Row) -> str:
    cells = [f"`{row['model']}`" if row["model"] in MODELS else row["model"]]
    cells += [f"{row['parameters']:,}", f"{row['bytes']:,}"]
    for media in ("evaluation.mp4", f"evaluation_{Place.WALLS}.mp4"):
        figures = row[media]
        shares = ("mean_average_precision", "precision", "recall")
        cells += [f"{figures[share]:.4f}" for share in shares]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m fivegms_testbed.detector.derived")
    parser.add_argument("folder", type=Path, help="where the models are and the card goes")
    parser.add_argument("--hard-only", type=Path, help="the student that had no teacher")
    arguments = parser.parse_args()
    rows = measure_all(arguments.folder, arguments.hard_only)
    (arguments.folder / FIGURES).write_text(json.dumps(rows, indent=2) + "\n")
    (arguments.folder / CARD).write_text(write_card(rows))


if __name__ == "__main__":
    main()
