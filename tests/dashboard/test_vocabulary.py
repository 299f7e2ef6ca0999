"""The table of the whole vocabulary."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.vocabulary import vocabulary_table
from llm_core import generate, load_model

APP = Path(__file__).parents[2] / "app.py"


def test_the_table_holds_every_token_once_the_most_likely_first() -> None:
    run = generate(load_model("toy"), "hello how are you?", 1)
    table = vocabulary_table(run.steps[0])
    p = run.steps[0].sampled.stages[0].probabilities
    assert sorted(table["token id"]) == list(range(50_257))
    assert table["probability"].is_monotonic_decreasing
    assert table["probability"].sum() == pytest.approx(100, abs=1e-2)  # percent
    assert table["probability"].to_numpy() == pytest.approx(100 * p.numpy()[table["token id"]])
    assert list(table["× chance"][:3]) == pytest.approx([50_257 * float(q) for q in p.topk(3).values])
    row = table[table["token id"] == 703].iloc[0]
    assert row["token"] == "␣how"


def test_the_table_is_sent_when_it_is_opened_and_a_link_can_open_it() -> None:
    page = AppTest.from_file(str(APP), default_timeout=30).run()
    assert [len(frame.value) for frame in page.dataframe] == [5]  # the prompt's tokens
    page = AppTest.from_file(str(APP), default_timeout=30)
    page.query_params["all_tokens"] = "true"
    assert [len(frame.value) for frame in page.run().dataframe] == [5, 50_257]
