"""The parts of the page that run in the browser: ribbon, timeline, stations, pager.

Each is a Python function that a page calls like a Streamlit widget, with its JavaScript and CSS beside it.
"""

from dashboard.browser.pager import pager
from dashboard.browser.ribbon import Chip, ribbon
from dashboard.browser.stations import Station, stations
from dashboard.browser.thumbnail import Thumbnail
from dashboard.browser.timeline import Phase, timeline

__all__ = ["Chip", "Phase", "Station", "Thumbnail", "pager", "ribbon", "stations", "timeline"]
