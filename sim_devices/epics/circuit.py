"""One client of the Channel Access server: what it writes, and what is sent to it."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import caproto as ca
import caproto.asyncio.server as _server
from caproto._data import CannotExceedLimits
from caproto.server.common import DisconnectedCircuit

from .access import CLIENT
from .outgoing import News, Outgoing
from .pvs import RefusedError, outside, shown
from .writes import AnswersRefusal, Ended, check_field, check_kind

__all__ = ["Circuit"]

logger = logging.getLogger(__name__)

_Write: TypeAlias = ca.WriteRequest | ca.WriteNotifyRequest

# a client's write of the longest array, and a header; what claims to be longer is none
_LONGEST_MESSAGE = int(os.environ["EPICS_CA_MAX_ARRAY_BYTES"]) + 100


class _PromptEvent(_server.AsyncioEvent):
    """An event that costs nothing to wait for when it is set."""

    async def wait(self, timeout: float | None = None) -> bool:
        return self.is_set() or await super().wait(timeout)


class Circuit(_server.VirtualCircuit):
    """One client: asked who it is at each write, sent promptly what is new.

    caproto waits a while for further updates to fill a packet; asyncio rounds that up
    to 1 ms, which each command of a hop would pay. Here all that the publishing task
    has put into the queue by now goes out in one packet.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.write_event = _PromptEvent()
        self.subscription_queue = News(ca.MAX_TOTAL_SUBSCRIPTION_BACKLOG)
        self._outgoing = Outgoing(self.client.writer)
        self._last_write: asyncio.Task[Any] | None = None

    async def _send_buffers(self, *buffers: Any) -> None:
        """Send without waiting for the client.

        What it writes, be it a MakeSafe, is not to wait until it has read what it has
        asked for before.
        """
        self._outgoing.send(b"".join(buffers))

    async def drop_if_deaf(self) -> None:
        """Hang up on a client that does not read what waits for it."""
        if self.connected and self._outgoing.stands_still():
            self.log.warning("%s:%d does not read: closed", *self.address)
            await self._drop()

    def end(self) -> None:
        """Make the task end that carries out what the client asks for.

        caproto leaves it waiting where a client has gone amid a broken message.
        """
        with contextlib.suppress(asyncio.QueueFull):
            self.command_queue.put_nowait(ca.DISCONNECTED)

    def abort(self) -> None:
        """Close the connection; what waits to be sent is not sent."""
        self._outgoing.abort()

    async def _drop(self) -> None:
        self.abort()
        await self._on_disconnect()
        await self.context.circuit_disconnected(self)

    async def _start_write_task(self, handle_write: Any) -> None:
        """Carry out what a client writes in its order.

        In caproto writes overtake each other: a MakeSafe right after an approach
        would find nothing to stop.
        """
        before = self._last_write

        async def in_turn() -> None:
            if before is not None and not before.done():
                await asyncio.wait([before])
            await handle_write()

        self._last_write = self.tasks.create(in_turn())

    async def subscription_queue_loop(self) -> None:
        """Send what is new."""
        queue = self.subscription_queue
        self.events_on.set()
        try:
            while True:
                news = [await queue.get()]
                await asyncio.sleep(0)  # have the task that publishes continue
                while not queue.empty():
                    news.append(queue.get_nowait())
                await self._send_news(news)
        except asyncio.CancelledError:
            return  # caproto waits for the end of what it has cancelled
        except (DisconnectedCircuit, OSError):
            self._sub_task = None  # this one, which is not to wait for itself
            await self._on_disconnect()
            self.circuit.disconnect()
            await self.context.circuit_disconnected(self)

    async def _send_news(self, news: list[Callable[[], Any]]) -> None:
        """Send updates that are there still: those of slow clients make way for newer.

        None goes out after the end of its subscription.
        """
        subscribed = {
            subscription.subscriptionid
            for subscriptions in self.subscriptions.values()
            for subscription in subscriptions
        }
        updates = [update for new in news if (update := new()) is not None]
        for update in updates:
            self._let_go(update)
        wanted = [u for u in updates if u.subscriptionid in subscribed]
        if wanted:
            await self.send(*wanted)
            # who reads slowly gets the newer ones only
            await self._outgoing.drained()

    def _let_go(self, update: Any) -> None:
        """Forget an update that is sent: caproto would keep up to 1000 of each PV."""
        waiting = self.unexpired_updates.get(update.subscriptionid, ())
        for place, other in enumerate(waiting):
            if other is update:
                del waiting[place]
                return

    @property
    def address(self) -> tuple[str, int]:
        """Where the client is, and its port."""
        return self.circuit.address

    async def recv(self) -> None:
        """Receive; hang up on a client that sends what cannot be kept."""
        await super().recv()
        if len(self.circuit._data) > _LONGEST_MESSAGE:  # noqa: SLF001 (no public name)
            self.log.warning("%s:%d sends a message without end: closed", *self.address)
            await self._on_disconnect()
            raise DisconnectedCircuit

    async def command_queue_loop(self) -> None:
        """Carry out what the client asks for; all that it starts knows the client."""
        CLIENT.set(self)
        try:
            await super().command_queue_loop()
        except Exception:
            self.log.exception("Client asks for what it never created")
        if self.connected:  # it broke the protocol: it would hang for ever
            await self._on_disconnect()
            await self.context.circuit_disconnected(self)

    async def _process_command(self, command: Any) -> Any:
        if isinstance(command, (ca.WriteRequest, ca.WriteNotifyRequest)):
            return await self._begin_write(command)
        answer = await super()._process_command(command)
        if isinstance(command, ca.CreateChanRequest):
            if not self.context.access.may_write(self):
                read_only = ca.AccessRightsResponse(command.cid, ca.AccessRights.READ)
                return [
                    read_only
                    if isinstance(response, ca.AccessRightsResponse)
                    else response
                    for response in answer
                ]
        return answer

    async def _begin_write(self, command: _Write) -> list[Any]:
        """Carry out a permitted write; the answer comes when it has ended."""
        channel, entry = self._get_db_entry_from_command(command)
        try:
            await self.context.access.check(channel.name, self)
        except RefusedError as refusal:
            status = ca.CAStatus.ECA_NOWTACCESS
            return [_refusal(command, channel, entry, status, str(refusal))]
        self.write_event.clear()
        await self._start_write_task(partial(self._write, command, channel, entry))
        return []

    async def _write(self, command: _Write, channel: Any, entry: Any) -> None:
        """Carry out a write, and answer it: a refused one at once, with a failure."""
        try:
            check_kind(channel.name, entry, command.data, command.data_type)
            check_field(self.context.pvdb, channel.name, entry, command.data)
            ended = await entry.auth_write(
                self.client_hostname,
                self.client_username,
                command.data,
                command.data_type,
                command.metadata,
                user_address=self.circuit.address,
            )
        except Exception as error:
            await self._refuse(command, channel, entry, error)
        else:
            if isinstance(command, ca.WriteNotifyRequest):
                done = self._answer_write(command, channel, entry, ended)
                if ended is None:
                    await done
                else:
                    self.tasks.create(
                        done
                    )  # what is written next is not to wait for it
        finally:
            self.write_event.set()

    async def _answer_write(
        self, command: _Write, channel: Any, entry: Any, ended: Ended | None
    ) -> None:
        """Report that a write has ended, when all that it has started has."""
        if ended is not None:
            await ended()
        answer = channel.write(ioid=command.ioid, status=True, data_count=entry.length)
        await self._send_if_there(answer)

    async def _refuse(
        self, command: _Write, channel: Any, entry: Any, error: Exception
    ) -> None:
        message = str(error)
        if isinstance(error, CannotExceedLimits):
            message = f"{channel.name}: {outside(entry, command.data)}"
        elif isinstance(error, ca.CaprotoConversionError):
            message = f"{channel.name}: {shown(command.data)} is no value of it"
        elif not isinstance(error, RefusedError):
            message = f"{channel.name}: {error}"
        if not isinstance(error, (ca.CaprotoError, ValueError, TypeError)):
            logger.error("write to %s failed", channel.name, exc_info=error)
        await self.context.access.report(message)
        # the PV is what it was: caproto has raised an alarm of the whole record
        none = ca.AlarmStatus.NO_ALARM, ca.AlarmSeverity.NO_ALARM
        await entry.alarm.write(status=none[0], severity=none[1])
        if isinstance(entry, AnswersRefusal):
            await entry.answer_refusal()
        status = ca.CAStatus.ECA_PUTFAIL
        await self._send_if_there(_refusal(command, channel, entry, status, message))

    async def _send_if_there(self, answer: Any) -> None:
        with contextlib.suppress(DisconnectedCircuit):  # it has gone meanwhile
            await self.send(answer)


def _refusal(
    command: _Write, channel: Any, entry: Any, status: Any, message: str
) -> Any:
    """Make the answer to a write that is not carried out.

    A client that waits for the end of its write takes an answer to that write alone:
    an error message would keep it waiting.
    """
    if isinstance(command, ca.WriteNotifyRequest):
        code = int(status.value.code_with_severity)
        return channel.write(ioid=command.ioid, status=code, data_count=entry.length)
    return ca.ErrorResponse(command, channel.cid, status=status, error_message=message)
