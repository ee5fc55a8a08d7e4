"""`python -m fivegms_prepare.containers.exported_program_converter SOURCE TARGET OPSET`.

PyTorch's ExportedProgram to ONNX, in a process of its own (see `conversion` in this package).
Reading one unpickles, which runs what the file says: only ever called for a trusted file.
"""

import sys
from importlib import import_module
from typing import Any


def main(source: str, target: str, opset: str) -> None:
    """Raises whatever PyTorch does: the last words of this process are for the provider."""
    torch: Any = import_module("torch")
    program = torch.export.load(source)
    onnx = torch.onnx.export(program, dynamo=True, opset_version=int(opset), verbose=False)
    onnx.save(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
