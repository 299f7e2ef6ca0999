"""What works around Streamlit 1.67 on the page: each with what was seen or measured without it.

What stands elsewhere, since this module may not be imported there, or since it is no more than a line:
- `OMP_WAIT_POLICY` in app.py: it counts only where it is set before torch is imported, and app.py imports the server
  alone;
- the lowest width of a figure and the figures that Plotly does not check, in figures/, which knows no Streamlit;
- the numbered keys of widgets in fields.py: a widget tells its value again with each act, late ones too;
- what a browser has been told of its address in link/address.py, which is below this room;
- components' states for which nothing is to be called, in browser/choice.py, likewise.
The scripts' own are beside them, in browser/.
"""

import gc
import sys
import time
from collections.abc import Callable

import streamlit as st
from streamlit.commands import navigation
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import Runtime, app_session, forward_msg_queue
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner import get_script_run_ctx

ARRIVAL = 0.5
"""Seconds after which a browser has taken in what has left for it, if it is not very busy."""


def keep_what_has_not_left() -> None:
    """Have a session's queue drop nothing when parts of the page are drawn again. Call it before visitors come.

    Streamlit drops what it has of these parts and has not sent yet, their containers too, but not the word that
    the page's run before is complete. The browser then takes away what it has of the part, all that comes after it in
    the same container moves up by one place, and what is sent next lands in the wrong one. Seen under load, with acts
    0 to 150 ms apart: in 4 of 10 series of 60 acts a figure or a field of before was left beside the new one, and
    since then in none of 3.
    """
    if getattr(ForwardMsgQueue.clear, "keeps", False):
        return
    drop, hand_out = ForwardMsgQueue.clear, ForwardMsgQueue.flush

    def clear(
        queue: ForwardMsgQueue, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None
    ) -> None:
        if retain_lifecycle_msgs and fragment_ids_this_run is not None:
            queue._queue = [forward_msg_queue._update_script_finished_message(m, True) for m in queue._queue]
            queue._delta_index_map = {}  # what comes next is sent after what is there, and replaces none of it
        else:
            drop(queue, retain_lifecycle_msgs, fragment_ids_this_run)

    def flush(queue: ForwardMsgQueue) -> list[ForwardMsg]:
        if ends_a_page(queue):
            queue.page_left_at = time.monotonic()  # type: ignore[attr-defined]
        return hand_out(queue)

    clear.keeps = True  # type: ignore[attr-defined]
    ForwardMsgQueue.clear = clear  # type: ignore[method-assign, assignment]
    ForwardMsgQueue.flush = flush  # type: ignore[method-assign, assignment]


def read_theme_once() -> None:
    """Have the theme's options read once, and not six times for each act. Call it before visitors come.

    They are in the message that opens each run of a part, too, and never change while the server runs. Measured with
    other dice, of which the whole answer took 23 ms: 1.2 ms.
    """
    if hasattr(app_session._populate_theme_msg, "streamlits_own"):
        return
    read = app_session._populate_theme_msg
    kept: dict[str, CustomThemeConfig] = {}

    def populate(msg: CustomThemeConfig, section: str = "theme") -> None:
        if section not in kept:
            made = CustomThemeConfig()
            read(made, section)
            kept[section] = made
        if kept[section].ByteSize():  # to merge nothing would say that there is a section
            msg.MergeFrom(kept[section])

    populate.streamlits_own = read  # type: ignore[attr-defined]
    app_session._populate_theme_msg = populate


def page_is_on_its_way() -> bool:
    """Whether this visitor's browser may not have taken in yet that a run of the whole page is complete.

    A browser that is busy takes in that word and the first of a part that is drawn again in one go. At that word it
    takes away what is not of the newest run, and all but the part is of the one before: "Bad delta path", and nothing
    is drawn any more. Seen in 1 of 25 browser tests, four at a time.
    """
    context = get_script_run_ctx()
    if context is None or not Runtime.exists():
        return False
    sessions = getattr(Runtime.instance(), "_session_mgr", None)  # of a test's stand-in there are none
    session = None if sessions is None else sessions.get_active_session_info(context.session_id)
    return session is not None and is_on_its_way(session.session._browser_queue)


def is_on_its_way(queue: ForwardMsgQueue) -> bool:
    """Whether the word that a run of the whole page is complete waits in this queue, or has only just left it."""
    return ends_a_page(queue) or time.monotonic() - getattr(queue, "page_left_at", -ARRIVAL) < ARRIVAL


def ends_a_page(queue: ForwardMsgQueue) -> bool:
    """Whether the word that a run of the whole page is complete waits in this queue."""
    return any(
        message.WhichOneof("type") == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
        for message in list(queue._queue)
    )


def say_where_there_is_no_page(say: Callable[[], None]) -> None:
    """Have the page itself say, by `say`, that an address leads to none of its pages. Call it before the navigation.

    Streamlit lays a dialog over the page that says so in its own words ("Running the app's main page").
    """
    navigation.send_page_not_found = lambda ctx: say()


def keep_room_for_dialog() -> None:
    """In a fragment that may open a dialog: call it where the dialog would be, while it is closed.

    Streamlit keeps dialogs and styles in one list, and a fragment that is drawn again goes on where the list was when
    it was drawn first. Without a place of its own there, the dialog takes that of the next style on the page: with the
    proof's table open, the style that puts the chosen station first was gone.
    """
    st.html("<style>/* a dialog's place */</style>")


def style_that_leaves(css: str) -> None:
    """A style that goes where it is put, and leaves together with what is around it.

    Streamlit puts an `st.html` of nothing but style into a list of its own, where it stays when its place is emptied:
    seen with the style that hides the page while a model is loaded, which hid it afterwards too. css: our own.
    """
    st.html(f"<i></i><style>{css}</style>")


def freeze_modules() -> None:
    """Take the modules that are loaded by now out of the garbage collector's sight: none of them ever becomes garbage.

    Streamlit collects all garbage after each run of the script. Measured with Streamlit 1.67, torch 2.13 and
    transformers 5.23, in time of one core: 113 ms over 225,000 objects, 219 ms over 425,000 once a real model was
    loaded, during which no visitor gets an answer; 0 ms when they are frozen. Call it when a page is drawn: what real
    models need besides is loaded later than what random ones need.
    """
    _freeze("transformers" in sys.modules)


@st.cache_resource(show_spinner=False)
def _freeze(real_models: bool) -> bool:
    """Once for each value, however many visitors there are: what they left behind must not be frozen with the rest."""
    gc.collect()
    gc.freeze()
    return True
