"""Models of other frameworks to ONNX, by the library that knows the format, in its own process.

    SavedModel                     tf2onnx                     extra `convert`
    HDF5, Keras                    Keras, then tf2onnx         extra `convert`
    ExportedProgram                torch.onnx                  extra `train`, and onnxscript
    NNEF                           `fivegms_prepare.nnef`

Two of these formats are programs: TensorFlow runs what a SavedModel calls its initialization, and
PyTorch unpickles. They are converted only for someone who trusts whoever made them; Keras is told
to refuse what holds code. A converter is a process of this one's group, within its limits on
memory: it ends when a job does, and what it allocates is gone before the model is prepared.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from fivegms_codecs.nnef.paths import PLAIN
from fivegms_prepare.containers.archives import open_archive, unpack
from fivegms_prepare.containers.detection import Container, ModelContainer, describe_container
from fivegms_prepare.errors import (
    ArchiveDamaged,
    ContainerUnknown,
    ConversionFailed,
    ConversionUnsafe,
    ConverterMissing,
)
from fivegms_prepare.nnef import convert_nnef

OPSET = 18
"""The operator set that models are converted to: the newest that tf2onnx writes."""

_PROGRAMS = frozenset({Container.SAVED_MODEL, Container.EXPORTED_PROGRAM})
_SHOWN_CHARACTERS = 500
_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "PYTHONHASHSEED": "0",  # the same model, the same file: tf2onnx walks over sets
    "PYTHONWARNINGS": "ignore",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def as_onnx(source: Path, folder: Path, *, trusted: bool = False) -> Path:
    """The ONNX file that `source` is, or one made of it below `folder`.

    `trusted` says that whoever made the model may run code here. What is of no format that is known
    is left to the reader of ONNX to refuse. Raises a ModelRefused.
    """
    try:
        model = describe_container(source)
    except ContainerUnknown:
        return source
    if model.container is Container.ONNX:
        return model.path
    target = folder / "converted.onnx"
    convert(model, target, trusted=trusted)
    return target


def convert(
    model: ModelContainer,
    target: Path,
    *,
    trusted: bool = False,
    prefer: Sequence[str] = (PLAIN,),
) -> None:
    """Write a model as an ONNX file; of NNEF, each variable in the first representation preferred.

    Raises ConversionUnsafe unless a program is `trusted`, ConverterMissing, ConversionFailed with
    the library's reason, and what is wrong with an archive.
    """
    if model.container in _PROGRAMS and not trusted:
        raise ConversionUnsafe(
            f"a model of format {model.container} can run code when it is read: convert it to ONNX "
            "where it is trusted (fivegms convert --trust), or deliver it as it is"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".converting-", dir=target.parent) as scratch:
        _CONVERTERS[model.container](_Work(Path(scratch), target, prefer), model)


def check_installed(what: str, extra: str, *modules: str) -> None:
    """Refuse what cannot be converted here. Raises ConverterMissing, which names the extra."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ConverterMissing(
            f"{what} models are converted with {missing[0]}, which is not installed here: install "
            f"fivegms-ai[{extra}], or upload the model as ONNX"
        )


@dataclass(frozen=True, slots=True)
class _Work:
    """A folder for what lies between, where the ONNX file goes, and what of NNEF is wanted."""

    scratch: Path
    target: Path
    prefer: Sequence[str]

    def folder_of(self, model: ModelContainer) -> Path:
        """The model's folder, unpacked if it is not one."""
        if not model.is_archive:
            return model.path
        unpacked = self.scratch / "unpacked"
        unpacked.mkdir()
        with open_archive(model.path) as archive:
            if archive is None:
                raise ArchiveDamaged("the archive is none any more")
            unpack(archive, unpacked)
        return unpacked / model.inner

    def run(self, module: str, *arguments: str | Path) -> None:
        """Run a module's `main` as a process. Raises ConversionFailed with its last words."""
        home = {"HOME": str(self.scratch), "KERAS_HOME": str(self.scratch / "keras")}
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", module, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=os.environ | _ENVIRONMENT | home,
            check=False,
        )
        if done.returncode:
            said = done.stderr.decode(errors="replace").replace(f"{self.scratch}", "")
            raise ConversionFailed(f"the model cannot be converted to ONNX: {_last_words(said)}")


def _last_words(stderr: str) -> str:
    """The error that a process ended with, as Python writes it: its last unindented paragraph."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    start = max((at for at, line in enumerate(lines) if _is_error(line)), default=len(lines) - 1)
    return " ".join(" ".join(lines[start:]).split())[:_SHOWN_CHARACTERS] or "the converter crashed"


def _is_error(line: str) -> bool:
    name, colon, _ = line.partition(":")
    return bool(colon) and name.replace(".", "").replace("_", "").isalnum()


def _from_saved_model(work: _Work, model: ModelContainer) -> None:
    check_installed("TensorFlow", "convert", "tensorflow", "tf2onnx")
    folder = work.folder_of(model)
    work.run("fivegms_prepare.containers.saved_model_converter", folder, work.target, str(OPSET))


def _from_keras(work: _Work, model: ModelContainer) -> None:
    check_installed("Keras", "convert", "tensorflow", "tf2onnx", "keras", "h5py")
    # Keras tells its formats apart by the name.
    suffix = ".keras" if model.container is Container.KERAS else ".h5"
    named, saved = work.scratch / f"model{suffix}", work.scratch / "saved_model"
    named.symlink_to(model.path.resolve())
    work.run("fivegms_prepare.containers.keras_converter", named, saved, work.target, str(OPSET))


def _from_exported_program(work: _Work, model: ModelContainer) -> None:
    check_installed("PyTorch", "train", "torch", "onnxscript")
    named = work.scratch / "model.pt2"
    named.symlink_to(model.path.resolve())
    work.run(
        "fivegms_prepare.containers.exported_program_converter", named, work.target, str(OPSET)
    )


def _from_nnef(work: _Work, model: ModelContainer) -> None:
    convert_nnef(work.folder_of(model), work.target, work.prefer)


_CONVERTERS: dict[Container, Callable[[_Work, ModelContainer], None]] = {
    Container.SAVED_MODEL: _from_saved_model,
    Container.HDF5: _from_keras,
    Container.KERAS: _from_keras,
    Container.EXPORTED_PROGRAM: _from_exported_program,
    Container.NNEF: _from_nnef,
}
