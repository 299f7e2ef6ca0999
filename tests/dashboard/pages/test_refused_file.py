"""What the page of a run file says of a file that is none."""

import pytest

from dashboard.run_file.opener import on_the_page
from llm_core import open_run


def test_a_file_of_another_kind_is_refused_with_the_pages_way_to_a_run_file():
    with pytest.raises(ValueError, match="not a run file") as refused:
        open_run(b"\x80\x04\x95" + bytes(1000))
    assert on_the_page(str(refused.value)) == "this is not a run file. Choose a file that you saved with “Download”"
    assert on_the_page("the file was cut off") == "the file was cut off"
