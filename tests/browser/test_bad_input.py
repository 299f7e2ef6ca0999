"""Whatever is typed or linked: a run, a sentence, or the default; never a broken page, and only ever plain text."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from dashboard.link.settings import DEFAULTS, Settings
from llm_core.model.tokenizer import gpt2_tokenizer

from .visit import Visit, labels, run_of

pytestmark = pytest.mark.slow  # about a minute, all of them together

ELSEWHERE = "http://elsewhere.example"
HOSTILE = {
    "NUL and control characters": "a\0b\x01\x07\x08\x1b[31mred\x7f\x85end\r\nline\tstop",
    "right-to-left text": "שלום עולם مرحبا \u202eabc\u202c \u2067xyz",
    "emoji in pieces": "🙂 👨‍👩‍👧 👍🏽 ❤️ 🇩🇪 \U000e0067",
    "5,000 characters without a space": "-" * 5000,
    "a script": f"<script>window.hacked = 1; alert(1)</script><img src={ELSEWHERE}/a.png onerror=alert(2)>",
    "HTML that Plotly knows": '<|endoftext|><b>b</b> <a href="javascript:alert(3)">a</a><br>&lt;',
    "Markdown": f"# one\n**two** _three_ `four` [five]({ELSEWHERE}/b) <{ELSEWHERE}> :red[six] :smile: :material/home:",
    "a picture in Markdown": f"![]({ELSEWHERE}/c.png) ![x](//elsewhere.example/d.png 'title')",
    "LaTeX": r"$x^2$ $$\frac{a}{b}$$ \(\sqrt{2}\) \[z\]",
    "what Python and URLs would read": "%00%ff {0} {text!r} \\u0000 &text=other&v=9#fragment + %",
}
_MARKUP = """() => {
  const roots = [document];
  for (const root of roots) roots.push(...[...root.querySelectorAll("*")].flatMap((node) => node.shadowRoot ?? []));
  const all = (selector) => roots.flatMap((root) => [...root.querySelectorAll(selector)]);
  return {
    hacked: window.hacked ?? null,
    images: all("img, image").map((node) => node.outerHTML).filter((html) => html.includes("elsewhere")),
    scripts: all("script").map((node) => node.textContent).filter((text) => text.includes("hacked")),
    links: all("a").filter((node) => node.origin !== location.origin || /elsewhere|javascript:/.test(node.textContent))
      .map((node) => node.outerHTML),
    formulas: all(".katex").length,
  };
}"""


@pytest.fixture(scope="module")
def open_visit(other_page: Page, address: str) -> Iterator[Visit]:
    """A page that stays open from text to text, as it would for someone who tries them all."""
    visit = Visit(other_page, address).open(new_tokens=1)
    yield visit
    visit.leave()


def expect_plain(visit: Visit) -> None:
    """Nothing of the text has become an element or was carried out."""
    found = visit.page.evaluate(_MARKUP)
    assert found == {"hacked": None, "images": [], "scripts": [], "links": [], "formulas": 0}
    visit.expect_sound()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_it_runs_and_is_shown_as_plain_text(open_visit: Visit, text: str) -> None:
    visit = open_visit
    visit.type(text)
    typed = visit.text.input_value()  # a browser keeps line ends as \n alone
    settings = Settings(text=typed, new_tokens=1)
    assert typed == text.replace("\r\n", "\n")
    visit.expect_run(settings)
    expect(visit.refusal).to_have_count(0)
    expect_plain(visit)


def test_half_a_character_is_shown_as_its_bytes(open_visit: Visit) -> None:
    visit = open_visit
    visit.type("🤯")
    run = run_of(Settings(text="🤯", new_tokens=1))
    assert all(label.startswith("⟨") for label in labels(run)[: len(run.prompt_ids)])
    visit.expect_run(Settings(text="🤯", new_tokens=1))


@pytest.mark.parametrize("text", ["", "  \n\t ", "\u00a0\u2003"], ids=["empty", "blank", "blank in Unicode"])
def test_a_blank_text_gets_a_sentence_and_the_page_lives_on(open_visit: Visit, text: str) -> None:
    visit = open_visit
    visit.type(text)
    expect(visit.refusal).to_contain_text("The text is blank")
    expect(visit.page.locator(".js-plotly-plot")).to_have_count(0)
    visit.expect_sound()
    visit.type("alive")
    visit.expect_run(Settings(text="alive", new_tokens=1))
    expect(visit.refusal).to_have_count(0)


@pytest.mark.parametrize("text", ["a b " * 150, "x" * 5000, "🙂" * 200], ids=["words", "no space", "emoji"])
def test_over_256_tokens_it_says_how_many_there_are(open_visit: Visit, text: str) -> None:
    visit = open_visit
    visit.type(text)
    count = len(gpt2_tokenizer().encode(text))
    assert count > 256
    expect(visit.refusal).to_contain_text(f"{count:,} tokens")
    expect(visit.refusal).to_contain_text("256")
    visit.heat(0.4)  # the settings still answer
    expect(visit.refusal).to_contain_text(f"{count:,} tokens")
    visit.expect_sound()
    visit.heat(1)


def test_exactly_256_tokens_run(open_visit: Visit) -> None:
    visit = open_visit
    text = " a" * 256
    assert len(gpt2_tokenizer().encode(text)) == 256
    visit.type(text)
    visit.expect_run(Settings(text=text, new_tokens=1))
    visit.expect_sound()


@pytest.mark.parametrize("text", ["half \ud83d", "\ude42", "\udc00\ud800 swapped"], ids=["high", "low", "swapped"])
def test_a_lone_surrogate_gets_a_sentence_and_the_page_lives_on(open_visit: Visit, text: str) -> None:
    visit = open_visit
    visit.type("before")
    visit.expect_tokens(run_of(Settings(text="before", new_tokens=1)))
    visit.type(text)
    expect(visit.refusal).to_contain_text(re.compile(r"half a character at position \d+ \(U\+D[8-F]..,"))
    visit.expect_sound()
    visit.type(text.encode("utf-16", "replace").decode("utf-16"))
    expect(visit.refusal).to_have_count(0)
    visit.type("after")
    visit.expect_run(Settings(text="after", new_tokens=1))


def test_a_seed_that_its_field_refuses_gets_a_sentence_and_nothing_changes(visit: Visit) -> None:
    visit.open(dice_seed=3)
    limit = visit.sidebar.get_by_text("The dice seed must be a whole number from 0 to 9,007,199,254,740,991.")
    expect(limit).to_be_hidden()
    for seed in (-5, 10**20):
        visit.roll(seed)
        expect(limit).to_be_visible()
        expect(limit).to_contain_text("Until then it stays 3.")
    visit.roll(4)
    expect(limit).to_be_hidden()
    visit.expect_query(dice_seed="4")


def test_hostile_text_in_a_link_is_shown_as_plain_text(visit: Visit) -> None:
    text = "\0" + HOSTILE["a script"] + HOSTILE["a picture in Markdown"] + HOSTILE["LaTeX"] + "&a=b#c"
    visit.open(text=text.replace("%", "%25"))
    visit.expect_run(Settings(text=text))
    expect(visit.text).to_have_value(text)
    expect_plain(visit)


def test_bytes_in_a_link_that_are_no_characters_leave_the_page_alive(visit: Visit) -> None:
    visit.open(f"{visit.address}/?text=%ED%A0%BD%FF&%ff=%00")
    visit.expect_sound()
    visit.type("alive")
    visit.expect_tokens(run_of(Settings(text="alive")))


BAD_LINKS = {
    "no numbers, unknown names": {
        "model": "gpt-9",
        "temperature": "warm",
        "dice_seed": "x",
        "top_k": "ten",
        "top_p": "nan",
        "new_tokens": "",
        "weights_seed": "1.5",
        "step": "one",
        "station": "nowhere",
        "token": "last",
    },
    "out of range": {
        "temperature": "9",
        "dice_seed": "-1",
        "top_k": "300001",
        "top_p": "0",
        "new_tokens": "1000",
        "weights_seed": str(2**40),
        "step": "-1",
        "station": "",
        "token": "-1",
        "v": "99",
    },
    "hostile values": {
        "model": "<script>alert(1)</script>",
        "station": f"![]({ELSEWHERE}/e.png)",
        "temperature": "inf",
        "dice_seed": "9" * 200,
        "step": "٣",
        "token": "$x^2$",
        "top_k": "1e3",
        "weights_seed": "0x10",
    },
}


@pytest.mark.parametrize("values", BAD_LINKS.values(), ids=BAD_LINKS)
def test_values_of_a_link_that_cannot_be_used_give_way_to_the_default_and_the_page_says_so(
    visit: Visit, values: dict[str, str]
) -> None:
    visit.open(text="a link", **values)
    for name in values:
        expect(visit.notices).to_contain_text(f"{name} = ")
    visit.expect_run(replace(DEFAULTS, text="a link"))
    expect(visit.step(0)).to_be_checked()
    expect(visit.station("Attention")).to_be_checked()
    expect_plain(visit)
