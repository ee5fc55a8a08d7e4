"""The inference engine: the one class that runs a model, or a part of one, at any endpoint.

The UE and the Application Server load the same bytes with the same class (TR 26.927 3.1: an
inference endpoint may be the UE or the network). Nothing touches the file system: the graph is
bytes, the weights are arrays, of which onnxruntime packs a copy of its own (count twice their
size).

Graphs are optimised up to onnxruntime's "extended" level, not "all". The last level chooses data
layouts by neighbourhood, so that a model cut in two no longer computes exactly what the whole
does; and for 116 MB of convolutions on x86 it made loading ten times slower and doubled the memory
while runs took the same time.

    model = InferenceEngine.load(topology, tensors)
    outputs = model.run({"images": images})
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from fivegms_engine import capability
from fivegms_engine.elements import RUNTIME_NAMES
from fivegms_engine.errors import BadInput, InferenceFailed, SessionFailed, UnsupportedTopology
from fivegms_engine.graph import AssembledModel, Tensors, assemble
from fivegms_engine.in_place import IN_PLACE_BYTES
from fivegms_manifests.model import TensorInfo

DEFAULT_PROVIDERS = ("CPUExecutionProvider",)

_LOG_NOTHING = 4  # what goes wrong is raised; onnxruntime would print it as well


class LoadedModel:
    """A model, or a subset of one, that is ready to run. Safe to run from several threads."""

    def __init__(self, session: Any, weights: object) -> None:
        self._session = session
        self._weights = weights  # onnxruntime reads these for as long as the session lives
        self.inputs = tuple(_tensor_info(value) for value in session.get_inputs())
        self.outputs = tuple(_tensor_info(value) for value in session.get_outputs())
        self.providers: tuple[str, ...] = tuple(session.get_providers())

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Infer once: one array per input, to one array per output.

        Raises BadInput if the feeds are not what `inputs` says, InferenceFailed if onnxruntime
        stops.
        """
        unknown = feeds.keys() - {info.name for info in self.inputs}
        if unknown:
            raise BadInput(f"the model has no input {min(unknown)!r}; {_listed(self.inputs)}")
        checked = {info.name: _checked_feed(info, feeds) for info in self.inputs}
        names = [info.name for info in self.outputs]
        try:
            values = self._session.run(names, checked)
        except Exception as error:  # onnxruntime's errors have no base of their own
            raise InferenceFailed(str(error)) from error
        return dict(zip(names, values, strict=True))


class InferenceEngine:
    """Loads models with onnxruntime."""

    @staticmethod
    def load(
        topology: bytes,
        tensors: Tensors,
        *,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
        exact: bool = True,
    ) -> LoadedModel:
        """Put a topology and its weights together and make them ready to run.

        `threads` bounds the threads of one operator (None: as many as there are cores);
        `providers` are onnxruntime's execution providers in order of preference. A model that need
        not be `exact` is optimised up to onnxruntime's highest level, which takes sums in another
        order. The arrays are used in place: do not write to them afterwards. Raises TopologyError,
        WeightsError and SessionFailed.
        """
        assembled = assemble(topology, tensors)
        refused = capability.refusal(assembled.ir_version, assembled.opsets)
        if refused is not None:
            raise UnsupportedTopology(refused)
        options = _options(threads, exact=exact)
        weights = _give(assembled, options)
        wanted = _available(providers or DEFAULT_PROVIDERS)
        try:
            session = onnxruntime.InferenceSession(
                assembled.topology, options, providers=list(wanted)
            )
        except Exception as error:  # onnxruntime's errors have no base of their own
            raise SessionFailed(str(error)) from error
        return LoadedModel(session, (assembled.tensors, weights))


def run_chain(
    models: Sequence[LoadedModel], feeds: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Run the subsets of a composition one after the other; the last one's outputs.

    Each subset takes what the one before it gave. Raises as `LoadedModel.run` does, and BadInput
    for an empty chain.
    """
    if not models:
        raise BadInput("a composition has at least one subset")
    values = dict(feeds)
    for model in models:
        values = model.run(values)
    return values


def _options(threads: int | None, *, exact: bool) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _LOG_NOTHING
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = (
        levels.ORT_ENABLE_EXTENDED if exact else levels.ORT_ENABLE_ALL
    )
    if threads is not None:
        options.intra_op_num_threads = threads
    return options


def _give(assembled: AssembledModel, options: Any) -> dict[str, Any]:
    """Tell onnxruntime where the tensors are; the values returned must live as long as it does."""
    values = {
        name: onnxruntime.OrtValue.ortvalue_from_numpy(array)
        for name, array in assembled.tensors.items()
    }
    if values:
        options.add_external_initializers(list(values), list(values.values()))
    for name, array in assembled.tensors.items():
        if name in assembled.in_place and array.nbytes >= IN_PLACE_BYTES:
            options.add_initializer(name, values[name])
    return values


def _available(providers: Sequence[str]) -> Sequence[str]:
    available = onnxruntime.get_available_providers()
    missing = [name for name in providers if name not in available]
    if missing:
        raise SessionFailed(f"onnxruntime has no {missing[0]} here; it has {', '.join(available)}")
    return providers


def _tensor_info(value: Any) -> TensorInfo:
    dtype = RUNTIME_NAMES.get(value.type)
    if dtype is None:
        raise SessionFailed(f"{value.name!r} is a {value.type}; only tensors of numbers are run")
    shape = tuple("" if dim is None or dim == -1 else dim for dim in value.shape)
    return TensorInfo(value.name, dtype, shape)


def _checked_feed(info: TensorInfo, feeds: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    if info.name not in feeds:
        raise BadInput(f"input {info.name!r} is missing")
    array = np.asarray(feeds[info.name])
    if array.dtype != np.dtype(info.dtype):
        raise BadInput(f"input {info.name!r} is {array.dtype}, the model takes {info.dtype}")
    if not _fits(array.shape, info.shape):
        raise BadInput(
            f"input {info.name!r} has shape {list(array.shape)}, the model takes {list(info.shape)}"
        )
    return array


def _fits(shape: tuple[int, ...], wanted: tuple[int | str, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        isinstance(want, str) or size == want for size, want in zip(shape, wanted, strict=True)
    )


def _listed(inputs: tuple[TensorInfo, ...]) -> str:
    return "its inputs are " + ", ".join(repr(info.name) for info in inputs)
