"""One matrix as CSV, NPZ and PNG: each is read again by another reader, and holds the matrix."""

import csv
import io

import numpy as np
import pytest
import torch
from PIL import Image

from dashboard.downloads import table
from dashboard.downloads.arrays import as_npz
from dashboard.downloads.image import Words, _Plan, as_png, readable
from dashboard.downloads.matrix import Taken, plain
from dashboard.downloads.table import as_csv, harmless
from dashboard.figures.picture import Picture
from llm_core import catalogue, generate, random_model
from tests.helpers.small_models import CONFIGS, ids


@pytest.fixture(scope="module")
def run(toy):
    return generate(toy, "hello how are you?", 3)


@pytest.fixture(scope="module")
def deep():
    return generate(random_model(CONFIGS["grouped queries, RoPE, SwiGLU"], seed=3), ids(6), 2)


def rows(taken: Taken) -> list[list[str]]:
    data = as_csv(taken)
    assert data.startswith(b"\xef\xbb\xbf")  # or a spreadsheet takes ␣ for something else
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


# ---- CSV ------------------------------------------------------------------------------------------------------------


def test_a_table_names_its_rows_and_columns_and_holds_each_number_to_the_bit(run):
    header, *lines = rows(Taken(run.steps[0], "layers.0.attention.q", 0))
    assert header == ["position", "token", "0", "1", "2", "3", "4", "5", "6", "7"]
    assert [line[:2] for line in lines] == [["0", "hello"], ["1", "␣how"], ["2", "␣are"], ["3", "␣you"], ["4", "?"]]
    numbers = np.array([line[2:] for line in lines], dtype=np.float32)
    assert np.array_equal(numbers, run.steps[0].matrix("layers.0.attention.q").values[0].numpy())


def test_columns_that_are_tokens_are_named_and_masked_cells_say_so(run):
    header, *lines = rows(Taken(run.steps[0], "layers.0.attention.masked_scores", 0))
    assert header == ["query", "token", "0 hello", "1 ␣how", "2 ␣are", "3 ␣you", "4 ?"]
    assert [line.count("masked") for line in lines] == [4, 3, 2, 1, 0]


def test_a_decode_steps_row_has_its_position(run):
    _, line = rows(Taken(run.steps[1], "layers.0.attention.weights", 0))
    assert line[:2] == ["5", run.steps[0].sampled.label]


def test_each_head_has_a_table_of_its_own(deep):
    for head in range(4):
        _, *lines = rows(Taken(deep.steps[0], "layers.1.attention.weights", head))
        found = np.array([line[2:] for line in lines], dtype=np.float32)
        assert np.array_equal(found, deep.steps[0].matrix("layers.1.attention.weights").values[head].numpy())


def test_more_columns_than_a_spreadsheet_has_are_turned_into_rows(run):
    header, *lines = rows(Taken(run.steps[0], "logits"))
    assert header == ["vocab (turned)", "token", f"4 {run.model.tokenizer.label(run.ids[4])}"]
    assert len(lines) == 50_257 and lines[703][:2] == ["703", "␣how"]
    assert np.float32(lines[703][2]) == run.steps[0].logits[0, 703].item()


def test_every_matrix_and_weight_of_every_architecture_can_be_taken(small_model):
    step = generate(small_model, ids(5), 2).steps[1]
    for entry in (*catalogue.matrices(small_model.config), *catalogue.weights(small_model.config)):
        taken = Taken(step, entry.name, 0 if entry.axes[0] in ("head", "kv_head") else None)
        header, *lines = rows(taken)
        count, columns = taken.size
        named = 1 + (header[1:2] == ["token"])
        assert len(lines) == count and all(len(line) == len(header) == columns + named for line in lines)
        values = taken.matrix().values if taken.head is None else taken.matrix().values[0]
        assert np.array_equal(loaded(taken)["values"], values.float().numpy())


@pytest.mark.parametrize("label", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://a")', "\t=1", "＝1"])
def test_a_token_that_a_spreadsheet_would_compute_becomes_text(label):
    assert harmless(label) == "'" + label


@pytest.mark.parametrize("label", ["hello", "␣=", "'", "1", "a=b", ""])
def test_other_tokens_stay_as_they_are(label):
    assert harmless(label) == label


def test_no_cell_of_a_table_starts_a_formula(toy):
    run = generate(toy, '=SUM(A1) @home +1 -2 "quoted", comma\n=x', 1)
    for line in rows(Taken(run.steps[0], "layers.0.attention.weights", 0)):
        for cell in line:
            assert not cell.startswith(table._FORMULA) or float(cell) < 0


# ---- NPZ ------------------------------------------------------------------------------------------------------------


def loaded(taken: Taken) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(as_npz(taken)), allow_pickle=False) as file:
        return dict(file)


def test_numpy_reads_the_matrix_with_its_labels_and_without_pickle(run):
    found = loaded(Taken(run.steps[0], "layers.0.attention.weights", 0))
    matrix = run.steps[0].matrix("layers.0.attention.weights")
    assert np.array_equal(found["values"], matrix.values[0].numpy())
    assert np.array_equal(found["mask"], matrix.mask.numpy())
    assert found["axes"].tolist() == ["query", "key"] and found["head"] == 0
    assert found["labels_key"].tolist() == ["hello", "␣how", "␣are", "␣you", "?"]
    assert found["name"] == "layers.0.attention.weights" and found["formula"] == "A = softmax(S_mask)"
    assert found["fingerprint"] == run.model.weights.version and found["step"] == 0


@pytest.mark.parametrize(
    ("name", "axis", "heads"), [("weights", "head", 4), ("keys", "kv_head", 2), ("v", "kv_head", 2)]
)
def test_the_file_of_a_head_holds_that_head_alone_and_its_name_says_so(deep, name, axis, heads):
    for step in deep.steps:
        matrix = step.matrix(f"layers.1.attention.{name}")
        for head in range(heads):
            taken = Taken(step, matrix.name, head)
            found = loaded(taken)
            assert np.array_equal(found["values"], matrix.values[head].numpy()) and found[axis] == head
            assert found["axes"].tolist() == list(matrix.axes[1:])
            phase = f"decode-{step.index}" if step.index else "prefill"
            assert taken.file_name("npz") == f"custom-{phase}-{matrix.name}-{axis.replace('_', '-')}-{head}.npz"


def test_bfloat16_is_widened_and_keeps_its_values():
    model = random_model(CONFIGS["toy"], seed=3).to(torch.bfloat16)
    taken = Taken(generate(model, ids(4), 1).steps[0], "input")
    assert np.array_equal(loaded(taken)["values"], taken.matrix().values.float().numpy())


# ---- PNG ------------------------------------------------------------------------------------------------------------


def drawn(picture: Picture) -> tuple[np.ndarray, _Plan]:
    words = Words("Title", ["formula", "where"], ["model"])
    image = Image.open(io.BytesIO(as_png(picture, words)))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB")).astype(int), _Plan(picture, words)


def corner(image: np.ndarray, plan: _Plan, row: int, column: int) -> np.ndarray:
    """The colour near a cell's corner, where no number is."""
    return image[plan.top + row * plan.cell_height + 4, plan.left + column * plan.cell_width + 4]


def test_cells_have_the_pages_colours():
    values = np.array([[-2, 0, 2], [1, -1, 0]], dtype=np.float32)
    hidden = np.array([[False, False, False], [False, False, True]])
    image, plan = drawn(Picture("m", "M", "2×3", values, scale=2.0, hidden=hidden))
    blue, white, orange, faint, _, grey = (corner(image, plan, r, c) for r in range(2) for c in range(3))
    assert blue[2] > blue[0] + 80 and orange[0] > orange[2] + 80 and white.tolist() == [255, 255, 255]
    assert orange[2] < faint[2] < 255 and max(grey) - min(grey) < 8 and max(grey) < 230


@pytest.mark.parametrize(
    ("shape", "most"), [((1, 1), 1000), ((1, 20), 2000), ((128, 128), 2000), ((256, 3), 2000), ((3, 256), 2000)]
)
def test_a_picture_is_large_enough_to_read_and_small_enough_to_send(shape, most):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    image, _ = drawn(Picture("m", "M", "×", values, row_labels=["word"] * shape[0], row_start=0, scale=3.0))
    assert 400 <= image.shape[0] <= most and 900 <= image.shape[1] <= most


def test_labels_of_any_script_are_drawn_or_written_as_code_points():
    assert readable("hello ␣how ри café", "mono") == "hello ␣how ри café"
    assert readable("你", "mono") == "‹U+4F60›" and readable("🦜", "mono") == "‹U+1F99C›"
    values = np.ones((3, 3), dtype=np.float32)
    labels = ["你好你好你好你好你好你好", "\u0940", "␣" * 200]
    drawn(Picture("m", "M", "3×3", values, row_labels=labels, column_labels=labels, column_start=0, row_start=0))


# ---- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("openai-community/gpt2", "openai-community-gpt2"),
        ("../../etc/passwd", "etc-passwd"),
        ("", "model"),
        ("a\x00b\n<c>", "a-b-c"),
        ("SmolLM2-135M-Instruct, Q4_1", "SmolLM2-135M-Instruct-Q4_1"),
        ("模型", "model"),
    ],
)
def test_a_files_name_is_one_that_every_system_takes(name, file):
    assert plain(name) == file


def test_a_files_name_says_which_matrix_of_which_step_it_holds(deep):
    assert Taken(deep.steps[1], "layers.1.attention.weights", 2).file_name("csv") == (
        "custom-decode-1-layers.1.attention.weights-head-2.csv"
    )
    assert Taken(deep.steps[0], "layers.1.attention.w_q").file_name("npz") == "custom-layers.1.attention.w_q.npz"
