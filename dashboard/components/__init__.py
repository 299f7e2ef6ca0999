"""The parts of the page that run in the browser: ribbon, timeline, stations, pager.

Each is a Python function that a page calls like a Streamlit widget, with its JavaScript and CSS beside it.
"""

from dashboard.components.pager import pager
from dashboard.components.ribbon import Chip, ribbon
from dashboard.components.stations import Station, stations
from dashboard.components.thumbnail import Thumbnail
from dashboard.components.timeline import Phase, timeline

__all__ = ["Chip", "Phase", "Station", "Thumbnail", "pager", "ribbon", "stations", "timeline"]
