"""The table of the whole vocabulary."""

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from dashboard.browser.next_token import SAME_CHANCE
from dashboard.link.settings import LINK_VERSION
from dashboard.matrices.vocabulary import vocabulary_table
from llm_core import generate, load_model
from tests.helpers.links import link_of
from tests.helpers.pages import APP, opened


def test_the_table_holds_every_token_once_the_most_likely_first() -> None:
    run = generate(load_model("toy"), "hello how are you?", 1)
    table = vocabulary_table(run.steps[0])
    p = run.steps[0].sampled.stages[0].probabilities
    assert sorted(table["token id"]) == list(range(50_257))
    assert table["probability"].is_monotonic_decreasing
    assert table["probability"].sum() == pytest.approx(100, abs=1e-2)  # percent
    assert table["probability"].to_numpy() == pytest.approx(100 * p.numpy()[table["token id"]])
    assert list(table[f"times {SAME_CHANCE}"][:3]) == pytest.approx([50_257 * float(q) for q in p.topk(3).values])
    row = table[table["token id"] == 703].iloc[0]
    assert row["token"] == "␣how"


def test_the_table_is_sent_when_it_is_opened_and_a_link_can_open_it() -> None:
    page = AppTest.from_file(str(APP), default_timeout=30).run()
    assert [len(frame.value) for frame in page.dataframe] == [5]  # the prompt's tokens
    page = AppTest.from_file(str(APP), default_timeout=30)
    page.query_params["all_tokens"] = "true"
    assert [len(frame.value) for frame in page.run().dataframe] == [5, 50_257]


def test_a_table_that_was_opened_is_in_the_link_and_no_act_after_it_is_lost() -> None:
    page = opened()
    table = next(e for e in page.expander if "with their probabilities" in e.label)
    states = page._tree.get_widget_states()
    states.widgets.append(WidgetState(id=table.proto.id, bool_value=True))  # AppTest has no click for it
    page._run(states)
    assert [len(frame.value) for frame in page.dataframe] == [50_257]  # what is drawn again: its part of the page
    page.run()
    assert [len(frame.value) for frame in page.dataframe] == [5, 50_257]
    page.number_input(key="dice_seed").set_value(99).run()
    link = link_of(page)
    assert (link["v"], link["all_tokens"], link["dice_seed"]) == (LINK_VERSION, "1", "99")
    assert 50_257 in [len(frame.value) for frame in page.dataframe]
