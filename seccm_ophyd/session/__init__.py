"""A session: microscope, engine, storage and lease, put together by `open_session`."""

from .session import Session, open_session

__all__ = ["Session", "open_session"]
