"""Many visitors at once, who talk to the server as browsers do: its answer, its work, whose run they get, and memory"""

import asyncio
import itertools
import json
import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from benchmarks.measure import Row, megabytes, span
from benchmarks.serving import Server, serving
from dashboard.link.settings import Settings
from llm_core import generate, load_model

CROWD, LARGE_CROWD, CLASS = 20, 50, 30
ALONE_ACTS, CROWD_ACTS = 12, 10
WORK_OF_CHARTS = 0.057  # seconds of one core for an act of fifty visitors on a page of as many `st.plotly_chart`s
PAUSE = (0.5, 3.5)  # seconds between an answer and the next act
LONGEST = 60  # seconds for an answer
DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
RIBBON, CARD = "ribbon", "next_token"  # the components that show a run's tokens and the sampled one
WORDS = ["sun", "moon", "tree", "river", "stone", "cloud", "bird", "song", "night", "day", "fire", "snow"]


def rows() -> Iterator[Row]:
    """All lines of this part, each as soon as it is measured."""
    yield from answering()
    yield from opening()
    yield from remembering()


# ---- one visitor ----------------------------------------------------------------------------------------------------


@dataclass
class Visitor:
    """A visitor of their own number, who has a text, a model and dice that nobody else has."""

    number: int
    settings: Settings = field(init=False)
    opened: float = 0.0  # seconds until the page was there
    taken: list[float] = field(default_factory=list)  # seconds of each answer
    seen: list[tuple[Settings, list[str], str]] = field(default_factory=list)  # what was asked, tokens, sampled token

    def __post_init__(self) -> None:
        self.random = random.Random(self.number)
        self.settings = Settings(
            text=f"visitor {self.number} is here", weights_seed=self.number * 100, dice_seed=self.number
        )
        self.query = {name: str(getattr(self.settings, name)) for name in ("text", "weights_seed", "dice_seed")}
        self.widgets: dict[str, tuple[str, str]] = {}  # key -> id, fragment
        self.states: dict[str, WidgetState] = {}  # id -> what was chosen
        self.shown: dict[str, Any] = {}  # component -> its data
        self.cached: dict[str, tuple[int, ForwardMsg]] = {}  # as a browser keeps messages: hash -> act, message

    async def visit(self, server: Server, acts: int, pause: tuple[float, float] = (0, 0)) -> "Visitor":
        """Open the page, act so many times, leave."""
        where = server.address.replace("http", "ws", 1) + "/_stcore/stream"
        async with websockets.connect(where, subprotocols=["streamlit"], max_size=None, compression=None) as socket:
            await self.ask(socket)
            self.opened = self.taken.pop()  # another question than how long an act takes
            for _ in range(acts):
                await asyncio.sleep(self.random.uniform(*pause))
                await self.act(socket)
        return self

    async def act(self, socket: Any) -> None:
        """Change one setting, as a visitor would with its widget."""
        name, value = self.random.choice(
            [
                ("dice_seed", self.random.randrange(10_000)),
                ("temperature", self.random.randrange(10, 200) / 100),
                ("weights_seed", self.number * 100 + self.random.randrange(100)),
                ("text", f"visitor {self.number} sees {' and '.join(self.random.sample(WORDS, 3))}"),
            ]
        )
        identifier, fragment = self.widgets[name]
        self.settings = replace(self.settings, **{name: value})
        self.query[name] = str(value)
        self.states[identifier] = WidgetState(id=identifier)
        if name == "temperature":
            self.states[identifier].double_array_value.data.append(value)
        else:
            setattr(self.states[identifier], "string_value" if name == "text" else "int_value", value)
        await self.ask(socket, fragment)

    async def ask(self, socket: Any, fragment: str = "") -> None:
        """Send what a browser sends, and take everything up to the end of the server's answer."""
        back = BackMsg()
        state = back.rerun_script
        state.query_string = urlencode(self.query)
        state.fragment_id = fragment
        state.cached_message_hashes.extend(self.cached)
        state.widget_states.widgets.extend(self.states.values())
        start = time.perf_counter()
        await socket.send(back.SerializeToString())
        async with asyncio.timeout(LONGEST):
            while not self.take(ForwardMsg.FromString(await socket.recv())):
                pass
        self.taken.append(time.perf_counter() - start)
        now = len(self.taken)
        self.cached = {h: (when, m) for h, (when, m) in self.cached.items() if when > now - 2}
        tokens = [chip[1] for chip in self.shown[RIBBON]["chips"]]
        self.seen.append((self.settings, tokens, self.shown[CARD]["token"]))

    def take(self, message: ForwardMsg) -> bool:
        """Take one message. True where it ends an answer."""
        kind = message.WhichOneof("type")
        if kind == "script_finished":
            return message.script_finished in DONE
        if kind == "page_info_changed":
            self.query |= dict(parse_qsl(message.page_info_changed.query_string))
        if kind == "ref_hash":
            message = self.cached[message.ref_hash][1]
        if message.metadata.cacheable:
            self.cached[message.hash] = (len(self.taken) + 1, message)
        if message.WhichOneof("type") == "delta":
            self.element(message.delta.new_element, message.delta.fragment_id)
        return False

    def element(self, element: Any, fragment: str) -> None:
        """Note the widgets and what the page's components show."""
        kind = element.WhichOneof("type")
        if kind in ("slider", "number_input", "text_area"):
            identifier = getattr(element, kind).id
            self.widgets[identifier.rsplit("-", 1)[-1]] = (identifier, fragment)
        if kind == "bidi_component":
            name = element.bidi_component.component_name.rsplit(".", 1)[-1]
            if name in (RIBBON, CARD):
                self.shown[name] = json.loads(element.bidi_component.json)

    def strangers(self) -> int:
        """How many answers were not of this visitor's own run, which is computed here once more."""
        wrong = 0
        for settings, tokens, token in self.seen:
            model = load_model(settings.model, seed=settings.weights_seed)
            run = generate(model, settings.text, settings.new_tokens, settings.sampling)
            own = [model.tokenizer.label(i) for i in run.ids], run.steps[0].sampled.label
            wrong += own != (tokens, token)
        return wrong


# ---- (c) answers ----------------------------------------------------------------------------------------------------


def answering() -> Iterator[Row]:
    """One visitor, twenty at once, one again: so that a slow minute meets both."""
    with serving("app.py", HOSTED="1") as server:
        server.wait()
        asyncio.run(Visitor(99).visit(server, 4))  # the first one pays for what is loaded once
        alone = [asyncio.run(Visitor(98).visit(server, ALONE_ACTS, PAUSE))]
        crowd = asyncio.run(together(server, range(1, CROWD + 1), CROWD_ACTS, PAUSE))
        alone.append(asyncio.run(Visitor(97).visit(server, ALONE_ACTS, PAUSE)))
        before = server.worked()
        larger = asyncio.run(together(server, range(101, 101 + LARGE_CROWD), CROWD_ACTS, PAUSE))
        worked = (server.worked() - before) / (LARGE_CROWD * (CROWD_ACTS + 1))
    one, many = ([t for v in group for t in v.taken] for group in (alone, crowd))
    share = p95(many) / p95(one)
    what = f"(c) p95 of the server's answer to {CROWD} visitors, each acting every 0.5–3.5 s, against one"
    yield Row(what, span(p95(many)), span(p95(one)), share, "≤ 3", share <= 3)
    yield Row(
        "(c) the same, median",
        span(statistics.median(many)),
        span(statistics.median(one)),
        statistics.median(many) / statistics.median(one),
    )
    most = p95([t for v in larger for t in v.taken])
    yield Row(f"(c) p95 of the answer to {LARGE_CROWD} visitors", span(most), "", None, "≤ 1 s", most <= 1)
    share = worked / WORK_OF_CHARTS
    what = f"(c) the server's time of a core for an act of {LARGE_CROWD}, arriving included, against st.plotly_chart"
    yield Row(what, span(worked), span(WORK_OF_CHARTS), share, "≤ 0.5", share <= 0.5)
    wrong, asked = sum(v.strangers() for v in crowd), sum(len(v.seen) for v in crowd)
    yield Row("(c) answers with another's run", f"{wrong} of {asked:,}", "", None, "0", wrong == 0)


def opening() -> Iterator[Row]:
    """A class opens one link, as people do who are told it, and all within one second."""
    with serving("app.py", HOSTED="1") as server:
        server.wait()
        asyncio.run(Visitor(99).visit(server, 4))
        alone: list[float] = []
        crowds: dict[float, list[float]] = {10: [], 1: []}  # by the seconds in which all come
        for number in range(3):
            alone += [asyncio.run(arrival(server, 1000 + number, 0)) for _ in range(3)]
            for seconds, crowd in crowds.items():
                crowd += asyncio.run(arrivals(server, 2000 + number, seconds))
    for seconds, crowd in crowds.items():
        share = p95(crowd) / p95(alone)
        what = f"(c) p95 of the first answer to {CLASS} who open one link within {seconds:g} s, against one"
        met = share <= 2 if seconds == 10 else None
        yield Row(what, span(p95(crowd)), span(p95(alone)), share, "" if met is None else "≤ 2", met)


async def arrival(server: Server, number: int, after: float) -> float:
    """Seconds until a visitor who opens a link has all of the page."""
    await asyncio.sleep(after)
    return (await Visitor(number).visit(server, 0)).opened


async def arrivals(server: Server, number: int, seconds: float) -> list[float]:
    return await asyncio.gather(*(arrival(server, number, each * seconds / CLASS) for each in range(CLASS)))


async def together(server: Server, numbers: range, acts: int, pause: tuple[float, float] = (0, 0)) -> list[Visitor]:
    return await asyncio.gather(*(Visitor(number).visit(server, acts, pause) for number in numbers))


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


# ---- (d) memory -----------------------------------------------------------------------------------------------------


def remembering() -> Iterator[Row]:
    """Three waves of twenty visitors, of whom all have left before the next come. Ended sessions are let go at once."""
    with serving("app.py", "--server.disconnectedSessionTTL=1", HOSTED="1") as server:
        server.wait()
        asyncio.run(Visitor(99).visit(server, 4))
        sizes = [server.resident()]
        for wave in range(3):
            first = 1 + wave * CROWD
            asyncio.run(together(server, range(first, first + CROWD), 3))
            sizes.append(server.resident())
            time.sleep(2)
    growth = [(b - a) / CROWD for a, b in itertools.pairwise(sizes)]
    yield Row(
        f"(d) memory for each of the first {CROWD} visitors, kept models and runs included", megabytes(growth[0]), ""
    )
    yield Row(f"(d) the same, of {CROWD} more after they have left", megabytes(growth[1]), "")
    yield Row("(d) the same, once more", megabytes(growth[2]), "")
