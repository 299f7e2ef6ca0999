"""A message of pictures: what goes in comes out, to the bit, and lies where a browser can look at it without a copy."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from dashboard.figures.equation import equation
from dashboard.figures.message import NUMBER_KINDS, BoardPicture, packed, unpacked
from dashboard.figures.picture import Origin, Picture

ARRAYS = st.sampled_from(NUMBER_KINDS).flatmap(
    lambda kind: arrays(np.dtype(kind), array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5))
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
TRACES = st.dictionaries(TEXTS, st.one_of(ARRAYS, PLAIN, st.lists(PLAIN, max_size=3)), max_size=4)
DRAWINGS = st.lists(
    st.builds(
        BoardPicture,
        key=TEXTS,
        traces=st.lists(TRACES, max_size=3),
        layout=st.dictionaries(TEXTS, PLAIN, max_size=3),
        alternative=TEXTS,
        step=st.one_of(st.none(), st.integers(0, 99)),
    ),
    max_size=3,
    unique_by=lambda drawing: drawing.key,
)


def same(one, other) -> bool:
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    return type(one) is type(other) and one == json.loads(json.dumps(other))


def header_of(message: bytes) -> tuple[dict, int]:
    end = 4 + int.from_bytes(message[:4], "little")
    return json.loads(message[4:end]), end


@given(DRAWINGS)
def test_what_is_packed_comes_out_to_the_bit(drawings) -> None:
    found = unpacked(packed(drawings))
    assert [(d.key, d.layout, d.alternative, d.step) for d in found] == [
        (d.key, d.layout, d.alternative, d.step) for d in drawings
    ]
    for sent, received in zip(drawings, found, strict=True):
        assert [list(trace) for trace in received.traces] == [list(trace) for trace in sent.traces]
        for before, after in zip(sent.traces, received.traces, strict=True):
            assert all(same(after[name], before[name]) for name in before)
        assert received.digest == sent.digest


@given(DRAWINGS)
def test_every_array_begins_where_any_number_may(drawings) -> None:
    message = packed(drawings)
    header, end = header_of(message)
    offsets = [place["offset"] for drawing in header["drawings"] for place in drawing["arrays"]]
    assert end % 8 == 0 and not any(offset % 8 for offset in offsets) and len(message) % 8 == 0


def heatmap(values) -> BoardPicture:
    return BoardPicture("a", [{"type": "heatmap", "z": values}], {"width": 10, "height": 20}, "")


def test_numbers_that_are_not_finite_come_out_as_they_were() -> None:
    values = np.array([[np.nan, -np.inf], [np.inf, -0.0]], np.float32)
    values.view(np.uint32)[0, 0] |= 7  # one NaN is not like another
    (found,) = unpacked(packed([heatmap(values)]))
    assert found.traces[0]["z"].tobytes() == values.tobytes()


def test_part_of_a_matrix_is_sent_as_it_is_seen() -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4).T[::2]
    (found,) = unpacked(packed([heatmap(values)]))
    np.testing.assert_array_equal(found.traces[0]["z"], values)


def test_the_digest_is_of_the_numbers_alone() -> None:
    values = np.ones((2, 3), np.float32)
    first = heatmap(values)
    moved = BoardPicture("b", [first.traces[0] | {"zmax": 5}], {"width": 99, "height": 1}, "other words", step=3)
    assert moved.digest == first.digest
    assert heatmap(values.reshape(3, 2)).digest != first.digest
    assert heatmap(np.nextafter(values, np.float32(2))).digest != first.digest


def test_a_drawing_names_the_matrices_and_weights_that_it_shows() -> None:
    named = Picture("x", "X", "2×2", np.zeros((2, 2), np.float32), origin=Origin((2, 2)))
    figure = equation([named, "×", named, "=", Picture("y", "Y", "2×2", np.ones((2, 2), np.float32))], 2)
    assert BoardPicture("e", figure.traces, figure.plain_layout, "").matrices == ["x", "y"]
    stream = [{"meta": {"origin": {"matrices": ["input", "layers.0.residual"], "size": [2, 2]}}}]
    assert BoardPicture("s", stream, {}, "").matrices == ["input", "layers.0.residual"]
    heads = [{"meta": {"origin": {"matrix": "w", "head": head}}} for head in range(2)]
    assert BoardPicture("h", [*heads, {"z": None}], {}, "").matrices == ["w"]


def test_the_header_says_what_the_page_writes_at_the_picture() -> None:
    header, _ = header_of(packed([heatmap(np.zeros((1, 1), np.float32))]))
    (said,) = header["drawings"]
    assert (said["width"], said["height"], said["step"]) == (10, 20, None)
    assert len(said["digest"]) == 16


@pytest.mark.parametrize("kind", ["int64", "float16", "complex64", "bool"])
def test_numbers_that_javascript_lacks_are_refused(kind) -> None:
    with pytest.raises(ValueError, match=f"an array of {kind} cannot be sent"):
        packed([heatmap(np.zeros((2, 2), kind))])


def test_two_pictures_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same key"):
        packed([heatmap(np.zeros((1, 1), np.float32))] * 2)


@pytest.mark.parametrize("message", [b"", b"abc", b"\xff\xff\xff\xff{}", bytes(64), packed([])[:-3] + b"[]}"])
def test_what_is_no_message_is_refused(message) -> None:
    with pytest.raises(ValueError, match="no message"):
        unpacked(message)


def test_bars_and_lines_have_a_digest_of_their_values_too() -> None:
    one, same, other = (BoardPicture("b", [{"type": "bar", "x": x}], {}, "") for x in ([0.5, 1], [0.5, 1], [0.5, 2]))
    assert one.digest == same.digest != other.digest
