"""ONNX models as NNEF packages, operator by operator: the outputs stay what they are."""

from pathlib import Path
from typing import Any

import nnef
import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from fivegms_codecs.nnef import run
from fivegms_prepare.errors import NnefInvalid, NnefUnsupported
from fivegms_prepare.nnef import from_onnx, open_package, read_nnef, write_nnef
from fivegms_prepare.nnef.from_onnx import CONVERTERS
from fivegms_prepare.source import separate_checked
from support.nnef_graphs import sample
from support.onnx_graphs import model_of, node

Case = tuple[str, dict[str, Any], dict[str, NDArray[Any]]]
ONE: dict[str, NDArray[Any]] = {}
X = (1, 4, 9, 8)


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def single(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def one(operator: str, constants: dict[str, NDArray[Any]] = ONE, **attributes: Any) -> Case:
    return operator, attributes, constants


def outputs(model: ModelProto, feeds: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    found: list[NDArray[Any]] = ort.InferenceSession(model.SerializeToString()).run(None, feeds)
    return found


def model_with(case: Case, *, opset: int = 17, given: str = "y") -> ModelProto:
    """One node on `x` and constants, its result cast to float32, behind an ordinary node."""
    operator, attributes, constants = case
    used = helper.make_node(operator, ["t", *constants], ["r"], **attributes)
    return model_of(
        [node("Tanh", "x", "t"), used, node("Cast", "r", given, to=TensorProto.FLOAT)],
        {"x": ("float32", ("N", *X[1:]))},
        {given: ("float32", ())},
        {name: array for name, array in constants.items() if name},
        opset=opset,
    )


def check(model: ModelProto, feeds: dict[str, NDArray[Any]], folder: Path) -> None:
    """Through a package and back, in onnxruntime, numpy and Khronos' parser."""
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    expected = outputs(model, feeds)
    separated = separate_checked(model, folder)
    write_nnef(separated, folder / "package")
    back = read_nnef(folder / "package")
    package = open_package(folder / "package")
    computed = run(package.graph, package.variables(), feeds)
    again = outputs(back, feeds)
    for name, array, found in zip(package.graph.outputs, expected, again, strict=True):
        bound = 1e-5 * max(1.0, float(np.abs(array).max()))
        np.testing.assert_allclose(found, array, rtol=0, atol=bound)
        np.testing.assert_allclose(computed[name], array, rtol=0, atol=bound)
    theirs = nnef.load_graph(str(folder / "package"))
    nnef.infer_shapes(theirs)
    for name, tensor in package.graph.tensors.items():
        assert tuple(theirs.tensors[name].shape) == tensor.shape


KERNEL = {"w": sample((6, 4, 3, 3), 1)}
BIASED = KERNEL | {"b": sample((6,), 2)}
GROUPED = {"w": sample((4, 1, 3, 3), 1)}
TRANSPOSED = {"w": sample((4, 6, 3, 3), 1), "b": sample((6,), 2)}
MATRIX = {"m": sample((8, 5), 1)}
UNARY = (
    *("Identity", "Neg", "Abs", "Sign", "Floor", "Ceil", "Exp", "Sin", "Cos", "Tan", "Sinh"),
    *("Cosh", "Tanh", "Asin", "Acos", "Atan", "Asinh", "Atanh", "Relu", "Sigmoid", "Softplus"),
    *("Softsign", "HardSwish", "HardSigmoid", "Elu", "Selu", "LeakyRelu", "Dropout", "Sum", "Min"),
    *("GlobalAveragePool", "GlobalMaxPool", "Flatten", "Transpose", "LogSoftmax", "Softmax"),
)
BINARY = ("Add", "Sub", "Mul", "Div", "Max", "Mean", "Less", "Greater", "Equal", "LessOrEqual")
CASES: list[Case] = [
    *(one(name) for name in UNARY),
    *(one(name, {"c": single(0.5)}) for name in (*BINARY, "GreaterOrEqual")),
    *(one(name, {"c": sample((9, 1), 3)}) for name in BINARY),
    *(one(name, {"c": sample((4, 1, 1), 3), "d": sample(X, 4)}) for name in ("Sum", "Mean")),
    one("Pow", {"c": single(2.0)}),
    one("Clip"),
    one("Clip", {"l": single(-0.1).reshape(()), "h": single(0.2).reshape(())}),
    one("Clip", {"l": single(-0.1).reshape(())}),
    one("Clip", {"": single(), "h": single(0.2).reshape(())}),
    one("PRelu", {"s": sample((4, 1, 1), 1)}),
    one("Softmax", axis=1),
    one("ReduceSum", {"a": ints(1, 3)}),
    one("ReduceSum", {"a": ints(-1)}, keepdims=0),
    one("ReduceSum", noop_with_empty_axes=1),
    one("ReduceMean", axes=[2, 3], keepdims=0),
    one("ReduceMax", axes=[1]),
    one("ReduceMin"),
    one("ArgMax", axis=1),
    one("ArgMin", axis=-1, keepdims=0),
    one("Cast", to=TensorProto.INT64),
    one("Cast", to=TensorProto.BOOL),
    one("MatMul", MATRIX),
    one("MatMul", {"m": sample((4, 8, 5), 1)}),
    one("BatchNormalization", {n: np.abs(sample((4,), i)) for i, n in enumerate("sbmv")}),
    one("Conv", BIASED),
    one("Conv", KERNEL, pads=[1, 1, 1, 1], strides=[2, 2]),
    one("Conv", KERNEL, auto_pad="SAME_UPPER", strides=[2, 2]),
    one("Conv", KERNEL, auto_pad="SAME_LOWER", strides=[2, 2]),
    one("Conv", KERNEL, auto_pad="VALID", dilations=[2, 3]),
    one("Conv", GROUPED, group=4, pads=[0, 1, 2, 1]),
    one("ConvTranspose", TRANSPOSED),
    one("ConvTranspose", TRANSPOSED, strides=[2, 2], pads=[1, 1, 1, 1]),
    one("ConvTranspose", TRANSPOSED, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]),
    one("ConvTranspose", TRANSPOSED, dilations=[2, 1]),
    one("MaxPool", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1]),
    one("MaxPool", kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1),
    one("MaxPool", kernel_shape=[2, 2], dilations=[2, 2]),
    one("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
    one("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
    one("AveragePool", kernel_shape=[3, 3], auto_pad="SAME_UPPER"),
    one("LRN", size=3, alpha=0.2, beta=0.6, bias=1.1),
    one("Resize", {"": single(), "s": single(1, 1, 2, 3)}, mode="nearest"),
    one("Resize", {"": single(), "s": single(1, 1, 2, 3)}, mode="linear"),
    one("Resize", {"": single(), "s": single(1, 1, 2, 2)}, mode="linear",
        coordinate_transformation_mode="asymmetric"),
    one("Resize", {"": single(), "s": single(1, 1, 2, 2)}, mode="linear",
        coordinate_transformation_mode="align_corners"),
    one("Resize", {"": single(), "s": single(1, 1, 1 / 3, 0.5)}, mode="nearest",
        coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    one("Reshape", {"s": ints(0, -1, 3)}),
    one("Flatten", axis=2),
    one("Transpose", perm=[0, 2, 3, 1]),
    one("Unsqueeze", {"a": ints(0, -1)}),
    one("Concat", {"c": sample(X, 1)}, axis=-2),
    one("Slice", {"b": ints(1, -3), "e": ints(100, -1), "a": ints(2, 3)}),
    one("Slice", {"b": ints(7), "e": ints(-100), "a": ints(3), "s": ints(-2)}),
    one("Slice", {"b": ints(0, 1), "e": ints(1, 3)}),
    one("Gather", {"i": np.array([[0, 3], [1, 1]])}, axis=1),
    one("Gather", {"i": np.array(2)}, axis=3),
    one("Tile", {"n": ints(1, 2, 1, 3)}),
    one("Expand", {"s": ints(3, 1, 4, 1, 8)}),
    one("Pad", {"p": ints(0, 0, 1, 2, 0, 0, 3, 0), "v": single(0.5).reshape(())}),
    one("Pad", {"p": ints(0, 0, 1, 2, 0, 0, 3, 0)}, mode="edge"),
    one("Pad", {"p": ints(0, 0, 1, 2, 0, 0, 3, 0)}, mode="reflect"),
]  # fmt: skip


@pytest.mark.requirement("R156a")
@pytest.mark.requirement("R154")
@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)])
def test_an_operator_there_and_back(case: Case, tmp_path: Path) -> None:
    check(model_with(case), {"x": sample(X)}, tmp_path)


SEVERAL = {
    "logic": [
        node("Less", "x h", "a"), node("Greater", "x l", "b"), node("And", "a b", "c"),
        node("Not", "c", "d"), node("Or", "d a", "e"), node("Where", "e x h", "y"),
    ],
    "positive": [
        node("Abs", "x", "a"), node("Add", "a h", "b"), node("Log", "b", "c"),
        node("Sqrt", "b", "d"), node("Reciprocal", "b", "e"), node("Sum", "c d e", "y"),
    ],
    "acosh": [node("Abs", "x", "a"), node("Add", "a two", "b"), node("Acosh", "b", "y")],
    "split": [node("Split", "x sizes", "a b", axis=1), node("Concat", "b a", "y", axis=1)],
    "squeeze": [node("ReduceMax", "x", "a", axes=[2, 3]), node("Squeeze", "a axes", "y")],
    "gemm": [node("Flatten", "x", "a"), node("Gemm", "a m bias", "y", transB=1)],
    "gemm scaled": [
        node("Flatten", "x", "a"), node("Gemm", "a m bias", "y", transB=1, alpha=0.5, beta=2.0),
    ],
    "gemm plain": [node("Flatten", "x", "a"), node("Gemm", "m a", "y", transB=1)],
    "shape": [
        node("Shape", "x", "s"), node("Gather", "s zero", "n"), node("Unsqueeze", "n zero1", "n1"),
        node("Concat", "n1 rest", "to", axis=0), node("Reshape", "x to", "y"),
    ],
    "constants": [
        node("ConstantOfShape", "sizes", "c"), node("Constant", "", "k", value_float=2.0),
        node("ReduceSum", "c", "z", keepdims=0), node("Add", "z k", "t"), node("Mul", "x t", "y"),
    ],
    "names": [node("Relu", "x", "graph"), node("Neg", "graph", "1.a/b"), node("Exp", "1.a/b", "y")],
    "gathered": [node("ArgMax", "x", "i", axis=1, keepdims=0), node("Gather", "table i", "y")],
    "matmul": [node("Transpose", "x", "a", perm=[0, 1, 3, 2]), node("MatMul", "x a", "y")],
}  # fmt: skip
CONSTANTS = {
    "h": single(0.5), "l": single(-0.5), "two": single(2.0), "sizes": ints(1, 3),
    "axes": ints(2, 3), "m": sample((5, 288), 1), "bias": sample((5,), 2), "zero": np.array(0),
    "zero1": ints(0), "rest": ints(-1), "table": sample((4, 3), 3),
}  # fmt: skip


@pytest.mark.requirement("R156a")
@pytest.mark.parametrize("name", SEVERAL)
def test_operators_together(name: str, tmp_path: Path) -> None:
    model = model_of(
        SEVERAL[name], {"x": ("float32", ("N", *X[1:]))}, {"y": ("float32", ())}, CONSTANTS
    )
    check(model, {"x": sample(X)}, tmp_path)


@pytest.mark.parametrize(
    ("case", "opset"),
    [
        (one("Softmax", axis=1), 11),
        (one("Clip", min=-0.1, max=0.2), 10),
        (one("Squeeze", axes=[0]), 11),
        (one("Unsqueeze", axes=[0, 2]), 11),
        (one("Upsample", {"s": single(1, 1, 2, 2)}, mode="nearest"), 9),
        (one("Pad", pads=[0, 0, 1, 1, 0, 0, 1, 1], value=0.5), 10),
        (one("Slice", starts=[1], ends=[3], axes=[2]), 9),
    ],
)
def test_older_operator_sets(case: Case, opset: int, tmp_path: Path) -> None:
    check(model_with(case, opset=opset), {"x": sample(X)}, tmp_path)


def test_every_operator_is_shown() -> None:
    shown = {case[0] for case in CASES} | {one.op_type for all_ in SEVERAL.values() for one in all_}
    assert CONVERTERS.keys() - shown == {"Upsample"}


REFUSED = [
    one("Erf"),
    one("TopK", {"k": ints(2)}),
    one("ArgMax", axis=1, select_last_index=1),
    one("AveragePool", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1,
        count_include_pad=1),
    one("ConvTranspose", TRANSPOSED, auto_pad="SAME_UPPER", strides=[2, 2]),
    one("Resize", {"": single(), "s": single(1, 1, 1.5, 2)}, mode="nearest"),
    one("Resize", {"": single(), "s": single(1, 1, 2, 2)}, mode="cubic"),
    one("Resize", {"": single(), "s": single(1, 1, 0.5, 0.5)}, mode="linear"),
    one("Pad", {"p": ints(0, 0, -1, 0, 0, 0, 0, 0)}),
    one("Gather", {"i": ints(-1)}),
    one("MatMul", {"v": sample((8,), 1)}),
    one("Cast", to=TensorProto.FLOAT16),
    one("Cast", to=TensorProto.UINT8),
    one("Round"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=[f"{i}-{case[0]}" for i, case in enumerate(REFUSED)])
def test_what_nnef_has_not_is_refused_by_name(case: Case, tmp_path: Path) -> None:
    model = model_with(case)
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    if case[0] == "TopK":
        model.graph.node[1].output.append("i")
    with pytest.raises(NnefUnsupported) as refusal:
        from_onnx(separate_checked(model, tmp_path))
    assert refusal.value.detail


def test_an_open_dimension_that_is_no_batch_is_refused(tmp_path: Path) -> None:
    model = model_of(
        [node("Relu", "x", "y")],
        {"x": ("float32", ("N", "C"))},
        {"y": ("float32", ("N", "C"))},
    )
    with pytest.raises(NnefUnsupported, match="open"):
        from_onnx(separate_checked(model, tmp_path))


def test_indices_of_maxima_are_refused(tmp_path: Path) -> None:
    model = model_of(
        [node("MaxPool", "x", "y i", kernel_shape=[2, 2])],
        {"x": ("float32", X)},
        {"y": ("float32", (1, 4, 8, 7)), "i": ("int64", (1, 4, 8, 7))},
    )
    with pytest.raises(NnefUnsupported):
        from_onnx(separate_checked(model, tmp_path))


def test_weights_of_half_precision_are_refused(tmp_path: Path) -> None:
    model = model_of(
        [node("Add", "x w", "y")],
        {"x": ("float16", (1, 300))},
        {"y": ("float16", (1, 300))},
        {"w": np.ones(300, np.float16)},
    )
    with pytest.raises(NnefUnsupported, match="float16"):
        from_onnx(separate_checked(model, tmp_path))


def test_numbers_without_text_become_variables(tmp_path: Path) -> None:
    model = model_of(
        [node("Max", "x low", "y")],
        {"x": ("float32", (1, 3))},
        {"y": ("float32", (1, 3))},
        {"low": single(-np.inf)},
    )
    check(model, {"x": single(1, 2, 3).reshape(1, 3)}, tmp_path)


def test_a_shared_weight_is_one_variable(tmp_path: Path) -> None:
    model = model_of(
        [node("Mul", "x w", "a"), node("Add", "a w", "y")],
        {"x": ("float32", (1, 300))},
        {"y": ("float32", (1, 300))},
        {"w": sample((1, 300))},
    )
    graph, variables = from_onnx(separate_checked(model, tmp_path))
    assert list(variables) == list(graph.variables()) == ["a/value"]
    assert len(variables) == 1


def test_a_damaged_package_is_refused(tmp_path: Path) -> None:
    write_nnef(separate_checked(model_with(one("Conv", KERNEL)), tmp_path), tmp_path / "package")
    [file] = (tmp_path / "package").rglob("*.dat")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(NnefInvalid, match="takes"):
        read_nnef(tmp_path / "package")
    (tmp_path / "package" / "graph.nnef").write_text("version 2.0;")
    with pytest.raises(NnefInvalid, match="NNEF 2"):
        open_package(tmp_path / "package")
