"""`python -m fivegms_prepare.containers.keras_converter SOURCE FOLDER TARGET OPSET`: Keras to ONNX.

By way of a SavedModel in FOLDER, in a process of its own (see `conversion` in this package): Keras
and TensorFlow are never imported into one that does anything else. Layers that hold code of their
own are refused, whatever the format (`safe_mode`), and nothing that only training needs is loaded.
"""

import sys
from importlib import import_module
from typing import Any

from fivegms_prepare.containers import saved_model_converter


def main(source: str, folder: str, target: str, opset: str) -> None:
    """Raises whatever Keras does: the last words of this process are for the provider."""
    keras: Any = import_module("keras")
    model = keras.saving.load_model(source, compile=False, safe_mode=True)
    model.export(folder, verbose=False)
    saved_model_converter.main(folder, target, opset)


if __name__ == "__main__":
    main(*sys.argv[1:])
