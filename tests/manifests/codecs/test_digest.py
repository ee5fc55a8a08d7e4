"""A digest of weights tells apart what a graph could tell apart, and nothing else."""

from hashlib import sha256

import numpy as np
import pytest

from fivegms_codecs.digest import combine, tensor_digest, weights_digest
from fivegms_codecs.errors import DtypeUnsupported

NUMBERS = np.arange(6, dtype=np.float32)


def test_the_digest_of_no_weights_is_that_of_nothing() -> None:
    assert weights_digest({}).startswith("e3b0c44298fc1c14")


def test_the_digest_of_a_known_tensor_is_the_one_the_format_says() -> None:
    header = bytes([1, 2, 2, 0]) + (2).to_bytes(8, "little") + (3).to_bytes(8, "little")
    numbers = sha256(bytes.fromhex("000000000000803f0000004000004040000080400000a040")).digest()
    tensor = sha256(header + "é".encode() + numbers).digest()
    assert weights_digest({"é": NUMBERS.reshape(2, 3)}) == sha256(tensor).hexdigest()


def test_order_layout_and_endianness_do_not_count() -> None:
    matrix = NUMBERS.reshape(2, 3)
    one = weights_digest({"a": matrix, "b": NUMBERS})
    assert weights_digest({"b": NUMBERS, "a": np.asfortranarray(matrix)}) == one
    assert weights_digest({"b": NUMBERS.astype(">f4"), "a": matrix}) == one


@pytest.mark.parametrize(
    "other",
    [
        {"b": NUMBERS},
        {"a": NUMBERS.reshape(2, 3)},
        {"a": NUMBERS.view(np.int32)},
        {"a": NUMBERS + 1},
        {"a": np.where(NUMBERS == 0, np.float32(-0.0), NUMBERS)},
        {"a": NUMBERS, "b": np.zeros(0, np.float32)},
        {"a": np.array(0.0)},
    ],
    ids=["name", "shape", "type", "numbers", "sign of zero", "one more", "rank 0"],
)
def test_whatever_a_graph_could_tell_apart_counts(other: dict[str, np.ndarray]) -> None:
    assert weights_digest(other) != weights_digest({"a": NUMBERS})


def test_tensors_can_be_hashed_one_by_one() -> None:
    tensors: dict[str, np.ndarray] = {
        "é": NUMBERS,
        "z": NUMBERS.reshape(3, 2),
        "a": np.zeros((2, 0), np.int64),
    }
    digests = {name: tensor_digest(name, array) for name, array in tensors.items()}
    assert combine(digests) == weights_digest(tensors)


def test_an_element_type_that_no_unit_carries_has_no_digest() -> None:
    with pytest.raises(DtypeUnsupported):
        tensor_digest("a", np.array(["text"]))
