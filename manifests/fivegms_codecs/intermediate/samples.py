"""Samples: a parameter set where a receiver needs one, then the tensors of one inference in order.

A writer has one parameter set; a reader remembers those of a stream. Within a sample units come one
by one, so a receiver decodes the first tensor while the last is on its way: give `SampleReader`
bytes as they arrive, and take tensors until there is none.
"""

from collections.abc import Collection, Iterator, Sequence

from fivegms_codecs import headers
from fivegms_codecs.coding import Array
from fivegms_codecs.errors import (
    CutUnknown,
    ModelVersionUnknown,
    ParameterSetUnknown,
    SampleIncomplete,
    TensorMismatch,
    TensorOutOfPlace,
    UnitKindUnknown,
)
from fivegms_codecs.intermediate import tensor_unit
from fivegms_codecs.intermediate.parameter_unit import (
    PARAMETERS_KIND,
    PREFIX,
    read_parameters,
    write_parameters,
)
from fivegms_codecs.intermediate.parameters import (
    DEFAULT_LIMITS,
    Cut,
    IntermediateLimits,
    ParameterSet,
)
from fivegms_codecs.intermediate.tensor_unit import TENSOR_KIND, IntermediateTensor


class IntermediateWriter:
    """Writes the samples of one parameter set; the same arrays give the same bytes."""

    def __init__(
        self, parameters: ParameterSet, limits: IntermediateLimits = DEFAULT_LIMITS
    ) -> None:
        """Raises ParameterSetMalformed and LimitExceeded."""
        self.parameter_unit = write_parameters(parameters, limits)
        self.parameters = read_parameters(memoryview(self.parameter_unit), limits)
        self._id = headers.read_seal(self.parameter_unit)
        self._limits = limits

    def tensor(self, number: int, array: Array) -> bytes:
        """The unit of one tensor. Raises TensorMismatch and LimitExceeded."""
        spec = self.parameters.tensors[number]
        return tensor_unit.write_tensor(spec, self._id, number, array, self._limits)

    def sample(self, arrays: Sequence[Array], *, stated: bool) -> bytes:
        """A whole sample, which states the parameter set or leaves it to an earlier one.

        It has to be stated in the first sample, and wherever a receiver may join. Raises
        TensorMismatch and LimitExceeded.
        """
        if len(arrays) != len(self.parameters.tensors):
            raise TensorMismatch(
                f"{len(arrays)} arrays for {len(self.parameters.tensors)} tensors of a sample"
            )
        tensors = (self.tensor(number, array) for number, array in enumerate(arrays))
        sample = b"".join([self.parameter_unit if stated else b"", *tensors])
        headers.bound("sample", len(sample), self._limits.max_sample_bytes)
        return sample


class IntermediateReader:
    """What a receiver remembers of a stream: the parameter sets, and the cuts that it runs."""

    def __init__(self, cuts: Collection[Cut], limits: IntermediateLimits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self._cuts = frozenset(cuts)
        self._known: dict[int, ParameterSet] = {}

    def begin(self) -> "SampleReader":
        """A reader of the next sample."""
        return SampleReader(self)

    def read(self, sample: bytes | memoryview) -> Iterator[IntermediateTensor]:
        """Yield the tensors of a whole sample.

        Raises what `SampleReader.next_tensor` and `SampleReader.finish` do.
        """
        reader = self.begin()
        reader.receive(sample)
        while (tensor := reader.next_tensor()) is not None:
            yield tensor
        reader.finish()

    def state(self, unit: memoryview) -> int:
        """Remember the parameter set of a unit, and tell its name.

        Raises what `read_parameters` does, ModelVersionUnknown and CutUnknown.
        """
        parameters = read_parameters(unit, self.limits)
        self._check_cut(parameters.cut)
        parameters_id = headers.read_seal(unit)
        self._known.pop(parameters_id, None)
        self._known[parameters_id] = parameters
        if len(self._known) > self.limits.max_parameter_sets:
            del self._known[next(iter(self._known))]
        return parameters_id

    def parameters(self, parameters_id: int) -> ParameterSet:
        """The parameter set of that name. Raises ParameterSetUnknown."""
        try:
            return self._known[parameters_id]
        except KeyError:
            raise ParameterSetUnknown(
                f"parameter set {parameters_id:08x}; known are {[f'{i:08x}' for i in self._known]}"
            ) from None

    def _check_cut(self, cut: Cut) -> None:
        models = {(known.model, known.model_version) for known in self._cuts}
        if (cut.model, cut.model_version) not in models:
            raise ModelVersionUnknown(
                f"data of {cut.model!r} version {cut.model_version} where {sorted(models)} run"
            )
        if cut not in self._cuts:
            raise CutUnknown(f"cut {cut.index} of {cut.composition!r} is none that runs here")


class SampleReader:
    """One sample on its way. After an error, the rest of the sample is of no use."""

    def __init__(self, stream: IntermediateReader) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._received = 0
        self._parameters_id: int | None = None
        self._parameters: ParameterSet | None = None
        self._next = 0

    def receive(self, data: bytes | memoryview) -> None:
        """Take the next bytes of the sample, however they were cut. Raises LimitExceeded."""
        self._received += memoryview(data).nbytes
        headers.bound("sample", self._received, self._stream.limits.max_sample_bytes)
        self._buffer += data

    def next_tensor(self) -> IntermediateTensor | None:
        """The next tensor whose unit is complete; None until more bytes have come.

        Raises UnitVersionUnknown, UnitKindUnknown, LimitExceeded; what `IntermediateReader.state`
        does, where the sample states a parameter set; ParameterSetUnknown, TensorOutOfPlace,
        CodecUnknown, TensorMismatch, UnitTruncated, PayloadCorrupt and ChecksumMismatch.
        """
        while (unit := self._next_unit()) is not None:
            if headers.read_kind(unit) == TENSOR_KIND:
                return self._read_tensor(unit)
            if self._parameters_id is not None:
                raise TensorOutOfPlace("a parameter set that does not begin its sample")
            self._parameters_id = self._stream.state(unit)
        return None

    def finish(self) -> None:
        """The sample has ended. Raises SampleIncomplete where that was too early."""
        if self._buffer:
            raise SampleIncomplete(f"the sample ends {len(self._buffer)} bytes into a unit")
        if self._parameters is None:
            raise SampleIncomplete("the sample has no tensor")
        count = len(self._parameters.tensors)
        if self._next != count:
            raise SampleIncomplete(f"the sample ends after {self._next} of {count} tensors")

    def _next_unit(self) -> memoryview | None:
        """The unit at the start of the buffer, taken out of it once it is complete."""
        if len(self._buffer) < PREFIX.size:
            return None
        size_bytes = PREFIX.size + self._read_prefix(self._buffer[: PREFIX.size])
        if len(self._buffer) < size_bytes:
            return None
        unit = bytes(self._buffer[:size_bytes])
        del self._buffer[:size_bytes]
        return memoryview(unit)

    def _read_prefix(self, prefix: bytearray) -> int:
        """How many bytes follow the prefix, before any is waited for."""
        kind = headers.read_kind(memoryview(prefix))
        *_, size = PREFIX.unpack(prefix)
        limits = self._stream.limits
        if kind == PARAMETERS_KIND:
            headers.bound("parameter set", size, limits.max_parameter_set_bytes)
        elif kind == TENSOR_KIND:
            headers.bound("sample", PREFIX.size + size, limits.max_sample_bytes)
        else:
            raise UnitKindUnknown(f"unit kind {kind} is neither parameters (3) nor tensor (4)")
        return int(size)

    def _read_tensor(self, unit: memoryview) -> IntermediateTensor:
        head = tensor_unit.read_head(unit, self._stream.limits)
        if self._parameters_id not in (None, head.parameters_id):
            raise TensorOutOfPlace("a tensor of another parameter set than that of its sample")
        parameters = self._parameters or self._stream.parameters(head.parameters_id)
        if head.number != self._next or head.number >= len(parameters.tensors):
            raise TensorOutOfPlace(
                f"tensor {head.number} where {self._next} of {len(parameters.tensors)} belongs"
            )
        tensor = tensor_unit.read_tensor(unit, head, parameters, self._stream.limits)
        self._parameters_id, self._parameters = head.parameters_id, parameters
        self._next += 1
        return tensor
