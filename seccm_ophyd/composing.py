"""Events like one that was validated are not validated again; none is left uncollected.

Validation against the schema of event-model takes longer than all else that bluesky
does for an event. It looks at names and types, and from hop to hop both are the same.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bluesky.bundlers import RunBundler
from bluesky.protocols import EventPageCollectable
from bluesky.utils import Msg
from event_model import ComposeDescriptorBundle

__all__ = ["SparingBundler"]

logger = logging.getLogger(__name__)


class SparingBundler(RunBundler):
    """A bundler for ``RunEngine.RunBundler`` that validates no two events alike."""

    async def open_run(self, msg: Msg) -> str:
        """Open a run; see `bluesky.bundlers.RunBundler.open_run`."""
        uid = str(await super().open_run(msg))
        compose = self._compose_descriptor

        def sparing(*args: Any, **kwargs: Any) -> ComposeDescriptorBundle:
            stream = compose(*args, **kwargs)
            event: Any = _Sparing(stream.compose_event, type)
            page: Any = _Sparing(stream.compose_event_page, _types_in)
            return replace(stream, compose_event=event, compose_event_page=page)

        compose_descriptor: Any = sparing
        self._compose_descriptor = compose_descriptor
        return uid

    def rewind(self) -> None:
        """Go back to the last checkpoint; what has been collected stays collected.

        A line that is resumed goes on with the next hop: its next page must not have
        the sequence numbers of pages that were emitted before the pause.
        """
        collected = {
            name for names in self._declared_stream_names.values() for name in names
        }
        counted = {
            name: number
            for name, number in self._sequence_counters.items()
            if name in collected
        }
        super().rewind()
        self._sequence_counters.update(counted)

    async def backstop_collect(self) -> None:
        """Collect what is left where no plan cleans up; a failure is logged.

        bluesky asks so those that were kicked off. A line is `set` to its points: it is
        known by the stream that was declared for its pages.
        """
        await super().backstop_collect()
        for objects, (name, *_) in list(self._declared_stream_names.items()):
            for obj in objects:
                if isinstance(obj, EventPageCollectable) and self.run_is_open:
                    await self._collect_left(obj, name)

    async def _collect_left(self, obj: Any, stream: str) -> None:
        try:
            await self.collect(Msg("collect", obj, name=stream, return_payload=False))
        except Exception:
            logger.exception("what %r still had could not be collected", obj)


class _Sparing:
    """Composes a kind of document, and validates it unless it is like one before.

    Parameters
    ----------
    compose
        Composes it; `event_model.ComposeEvent` or the like.
    kind
        Tells what the schema looks at in a value.
    """

    def __init__(
        self, compose: Callable[..., Any], kind: Callable[[Any], object]
    ) -> None:
        self._compose, self._kind = compose, kind
        self._known: object = None

    def __call__(self, **parts: Any) -> Any:
        kinds = {name: self._kinds(part) for name, part in parts.items()}
        doc = self._compose(**parts, validate=kinds != self._known)
        self._known = kinds
        return doc

    def _kinds(self, part: Any) -> object:
        if isinstance(part, Mapping):
            return {name: self._kind(value) for name, value in part.items()}
        return type(part)


def _types_in(values: Any) -> object:
    """Types in a column of a page."""
    return {type(value) for value in values} if isinstance(values, list) else None
