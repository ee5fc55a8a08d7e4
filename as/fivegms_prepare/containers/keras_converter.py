"""`python -m fivegms_prepare.containers.keras_converter SOURCE FOLDER`: Keras to a SavedModel.

A process of its own (`fivegms_prepare.containers.conversion`): Keras and TensorFlow are never
imported into one that does anything else. Layers that hold code of their own are refused, whatever
the format (`safe_mode`), and nothing that only training needs is loaded.
"""

import sys
from importlib import import_module
from typing import Any


def main(source: str, folder: str) -> None:
    """Raises whatever Keras does: the last words of this process are for the provider."""
    keras: Any = import_module("keras")
    model = keras.saving.load_model(source, compile=False, safe_mode=True)
    model.export(folder, verbose=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
