"""The catalogue of a data folder: its runs as databroker gives them, over Tiled.

`SessionCatalogue` reads; the process in `writer` fills it from the journals. Importing
this package imports neither tiled nor databroker.
"""

from .session_catalogue import SessionCatalogue
from .tiled_client import close_catalogue, open_catalogue

__all__ = ["SessionCatalogue", "close_catalogue", "open_catalogue"]
