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
from event_model import ComposeDescriptorBundle, DocumentNames

from ..errors import CallbackStalledError, StorageStalledError

__all__ = ["SparingBundler"]

logger = logging.getLogger(__name__)


class SparingBundler(RunBundler):
    """A bundler for ``RunEngine.RunBundler`` that validates no two events alike.

    An event that could not be stored is not counted: when it is collected again it has
    the same number, and ``num_events`` of the stop document is what is stored.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._emit_any = self.emit
        self.emit = self._emit_and_count
        self._stalled: StorageStalledError | None = None

    async def _emit_and_count(self, name: DocumentNames, doc: dict[str, Any]) -> None:
        try:
            await self._emit_any(name, doc)
        except StorageStalledError as error:  # it is stored later, and so is the rest
            if name is not DocumentNames.event_page:
                raise
            self._stalled = error
        except CallbackStalledError:  # it is stored
            raise
        except Exception:
            if name in (DocumentNames.event, DocumentNames.event_page):
                first = doc["seq_num"]
                number = first if isinstance(first, int) else first[0]
                self._sequence_counters[self._stream(doc["descriptor"])] = number
            raise

    def _stream(self, uid: str) -> str:
        for name, bundle in self._descriptors.items():
            if bundle.descriptor_doc["uid"] == uid:
                return str(name)
        raise KeyError(uid)

    async def collect(self, msg: Msg) -> Any:
        """Collect; see `bluesky.bundlers.RunBundler.collect`.

        Who gives pages hears of one that is stored later that it has been taken.
        """
        payload = await super().collect(msg)
        stalled, self._stalled = self._stalled, None
        if stalled is not None:
            raise stalled
        return payload

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

        A line that is resumed continues with the next hop: its next page must not have
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
        message = Msg("collect", obj, name=stream, return_payload=False)
        try:
            await self.collect(message)
            while getattr(obj, "is_incomplete", False):
                await self.collect(message)
        except Exception:
            logger.exception("what %r still had could not be collected", obj)


class _Sparing:
    """Composes a kind of document, and validates it unless it is like one before.

    Parameters
    ----------
    compose
        Composes it; `event_model.ComposeEvent` or the like.
    kind
        Returns what the schema looks at in a value.
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
