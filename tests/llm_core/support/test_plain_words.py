"""What libraries say when they fail, made fit to be shown to anybody."""

import errno

import pytest

from llm_core.support.plain_words import MOST, counted, plainly


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("header too large", "header too large"),
        ("two\nlines\t and a\x07 bell", "two lines and a bell"),
        ("cannot open '/home/some one/models/x.json': no", "cannot open '…': no"),
        ("cannot open /srv/app/x.json", "cannot open …"),
        ("in /srv/some where/else/x.json, line 3", "in …, line 3"),
        ("Error:/root/x", "Error:…"),
        (r"no C:\Users\me\x.bin here", "no … here"),
        ("see ~/.cache/huggingface/hub", "see …"),
        ("see file:///root/x and https://host.of.mine:8080/x?token=3", "see … and …"),
        ("GGUF model with architecture bloom is not supported: 3/4 of it", None),
    ],
)
def test_paths_and_addresses_and_lines_are_left_out_and_the_rest_stays(said, shown):
    assert plainly(RuntimeError(said)) == (said if shown is None else shown)


def test_an_error_of_the_system_says_what_it_is_without_its_file():
    assert plainly(PermissionError(errno.EACCES, "Permission denied", "/root/secret")) == "Permission denied"


def test_an_error_without_words_says_its_kind_and_a_long_one_is_cut():
    assert plainly(KeyError()) == "KeyError"
    assert plainly(RuntimeError("word " * 999)).endswith("…") and len(plainly(RuntimeError("x" * 999))) == MOST


def test_one_thing_is_counted_in_the_singular():
    assert [counted(n, "row") for n in (0, 1, 2, 2000)] == ["0 rows", "1 row", "2 rows", "2,000 rows"]
