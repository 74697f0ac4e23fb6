"""What one client does to the server, message by message, does not harm the others."""

import asyncio
import logging
import math
import random
import socket
import struct

import caproto as ca
import numpy as np
import pytest
from caproto import ChannelType as Type

from seccm_ophyd.sim_devices.epics import outgoing
from seccm_ophyd.sim_devices.epics.log import counted_log
from tests.circuits import served

PREFIX = "RAW:"
OWNER = f"{PREFIX}IOC:Owner.VAL$"

# of each type what is below, above, between and beside what a PV may hold
WRITES = [
    *((Type.INT, [value]) for value in (2, 99, -1, -(2**15))),
    *((Type.LONG, [value]) for value in (1, 99, 2**31 - 1, -(2**31))),
    *((Type.ENUM, [value]) for value in (1, 99, 65535)),
    *((Type.CHAR, value) for value in ([0], [99], list(b"a\0b"), [65] * 401)),
    *((Type.FLOAT, [value]) for value in (0.5, math.nan)),
    *((Type.DOUBLE, [value]) for value in (-1.0, 99.0, 1e300, math.inf, math.nan)),
    (Type.DOUBLE, [math.nan] * 3),
    (Type.DOUBLE, [0.0] * 2001),
    *((kind, []) for kind in (Type.LONG, Type.DOUBLE, Type.STRING, Type.CHAR)),
    *((Type.STRING, [value]) for value in (b"", b"abc", b"99", b"nan", b"a\x1bb")),
    (Type.STRING, [b"a", b"b"]),
]
FIELDS = "VELO SPMG DIR SET FOFF STOP OFF HLM DESC ACCL SCAN PREC TWF DISP".split()
TEXT_OR_NUMBER = (Type.STRING, Type.ENUM, Type.LONG, Type.DOUBLE, Type.TIME_DOUBLE)


async def put(client, name, value, **how):
    status = await client.write(PREFIX + name, np.atleast_1d(value), **how)
    return status in (1, ca.CAStatus.ECA_NORMAL.value)


async def put_text(client, name, text):
    data = list(text.encode()) or [0]
    status = await client.write(name, data, data_type=Type.CHAR)
    return status in (1, ca.CAStatus.ECA_NORMAL.value)


async def until(condition, timeout_s=5.0):
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


async def make_safe(client, ioc, number):
    """Write MakeSafe and wait for its end; tells whether it was taken."""
    if not await put(client, "IOC:MakeSafe", number):
        return False
    await until(lambda: ioc.supervisor.make_safe_done.value == number)
    return True


async def still_answers(client, name, is_text):
    """Read a PV as each type; a text is no number, and the answer says so."""
    reads = (client.read(name, data_type=kind) for kind in TEXT_OR_NUMBER)
    for answer in await asyncio.gather(*reads):
        assert is_text or not isinstance(answer, ca.ErrorResponse), name


@pytest.mark.fault(58)
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
def test_any_value_of_any_type_in_any_pv_is_answered(monkeypatch):
    async def walk():
        async with served(monkeypatch) as server:
            ioc = server.ioc
            axis = [f"{PREFIX}XY:X.{field}" for field in FIELDS]
            names = [*ioc.pvdb, *axis]
            client = await server.connect()
            for number, name in enumerate(names, 1):
                channel = await client.channel(name)
                is_text = channel.native_data_type == Type.STRING
                await asyncio.gather(
                    *(
                        client.write(name, value, data_type=kind)
                        for kind, value in WRITES
                    )
                )
                await still_answers(client, name, is_text)
                await client.watch(name)
                await client.write(f"{PREFIX}Sim:TimeScale", [0.0])
                await until(lambda name=name: name in client.updates)
                if number % 10 == 0:
                    assert await make_safe(client, ioc, number)
            for field in ("SPMG", "DISP"):  # what an operator would put right again
                await client.write(f"{PREFIX}XY:X.{field}", [3 * (field == "SPMG")])
            assert ioc.z.state.value == "WITHDRAWN"
            assert ioc.clamp.is_safe
            assert await put_text(client, OWNER, "me")

    asyncio.run(walk())


@pytest.mark.fault(58)
def test_a_number_that_is_no_state_is_refused(monkeypatch):
    numbers = [(kind, 99) for kind in (Type.INT, Type.LONG, Type.CHAR, Type.DOUBLE)]
    numbers += [(Type.LONG, -1)]  # Python would take it for the last one
    numbers += [(Type.DOUBLE, math.nan), (Type.FLOAT, 0.5)]

    async def write():
        async with served(monkeypatch) as server:
            client, message = (
                await server.connect(),
                server.ioc.supervisor.error_message,
            )
            for kind, value in numbers:
                await message.write("", verify_value=False)
                assert not await put(client, "Clamp:Mode", value, data_type=kind)
                assert "VCLAMP, ICLAMP, I0" in message.value
                assert (await client.read(f"{PREFIX}Clamp:Mode")).data[0] == 0

    asyncio.run(write())


@pytest.mark.fault(58)
def test_limits_and_units_are_not_written(monkeypatch):
    async def write():
        async with served(monkeypatch) as server:
            ioc = server.ioc
            client, pv = await server.connect(), ioc.clamp.holding_potential
            metadata = ca.DBR_TYPES[Type.CTRL_DOUBLE](upper_ctrl_limit=1000.0)
            name = f"{PREFIX}Clamp:HoldingPotential"
            status = await client.write(
                name, [1.0], data_type=Type.CTRL_DOUBLE, metadata=metadata
            )
            assert status == ca.CAStatus.ECA_PUTFAIL.value
            assert (pv.value, pv.upper_ctrl_limit) == (0.0, 2.0)

    asyncio.run(write())


@pytest.mark.fault(58)
def test_make_safe_goes_on_after_a_step_that_fails(monkeypatch, caplog):
    async def fail():
        async with served(monkeypatch) as server:
            ioc = server.ioc
            client = await server.connect()
            await put(client, "Clamp:HoldingPotential", 0.65)

            async def broken(_halt):
                raise RuntimeError("the axis does not answer")

            ioc.xy.rest = broken
            assert await make_safe(client, ioc, 7)
            assert ioc.clamp.is_safe

    asyncio.run(fail())
    assert "a step on the way to SAFE failed" in caplog.text


# -- who drives ------------------------------------------------------------------------


@pytest.mark.fault(60)
def test_a_silent_owner_loses_the_lease_also_when_idle(monkeypatch):
    async def fall_silent():
        async with served(monkeypatch) as server:
            ioc = server.ioc
            first, second = [await server.connect() for _ in range(2)]
            assert await put(first, "IOC:LeaseTime", 0.5)
            assert await put_text(first, OWNER, "first")
            assert not await put_text(second, OWNER, "second")
            await until(lambda: not ioc.supervisor.owner.value, 2.0)
            assert "was silent" in ioc.supervisor.error_message.value
            for name in ("second", "", "third"):
                assert await put_text(second, OWNER, name)

    asyncio.run(fall_silent())


@pytest.mark.fault(59)
def test_an_old_owner_does_not_stop_the_new_one(monkeypatch):
    async def take_over():
        async with served(monkeypatch) as server:
            ioc = server.ioc
            old, new, shell = [await server.connect() for _ in range(3)]
            assert await put(old, "IOC:LeaseTime", 0.5)
            assert await put_text(old, OWNER, "old")
            await until(lambda: not ioc.supervisor.owner.value, 2.0)
            # on its way when it fell silent: not even a stop ends the way to SAFE
            assert not await put(old, "Z:Approach", 1)
            assert not await put(old, "Z:Stop", 1)
            assert await make_safe(old, ioc, 11)
            assert await put(new, "IOC:LeaseTime", 60.0)
            assert await put_text(new, OWNER, "new")
            stops = ("IOC:MakeSafe", "Z:Stop", "Clamp:Stop", "XY:X.STOP", "Z:Z.STOP")
            for name in (*stops, "IOC:Heartbeat", "Clamp:HoldingPotential"):
                assert not await put(old, name, 1), name
            assert "seccm safe" in ioc.supervisor.error_message.value or "holds" in (
                ioc.supervisor.error_message.value
            )
            assert ioc.supervisor.owner.value == "new"
            for name in stops[1:]:
                assert await put(shell, name, 1), name
            assert ioc.supervisor.owner.value == "new"
            assert await make_safe(shell, ioc, 12)
            assert ioc.supervisor.owner.value == ""
            assert await put_text(new, OWNER, "")
            # nobody drives: it has to take the lease again all the same
            assert not await put(old, "Clamp:HoldingPotential", 0.5)
            assert await put_text(old, OWNER, "old")
            assert await put(old, "Clamp:HoldingPotential", 0.5)

    asyncio.run(take_over())


# -- who does not read -----------------------------------------------------------------


async def stop_reading(client, name):
    """Ask for arrays until no room is left on the way, and read nothing."""
    client.reads.clear()
    client.writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_RCVBUF, 4096
    )
    channel = await client.channel(name)
    for number in range(40):
        client.tell(channel.read(ioid=10**6 + number))


@pytest.mark.fault(57)
def test_a_client_that_does_not_read_is_dropped(monkeypatch):
    monkeypatch.setattr(outgoing, "PATIENCE_S", 1.0)

    async def fall_deaf():
        async with served(monkeypatch) as server:
            ioc = server.ioc
            deaf, other = [await server.connect() for _ in range(2)]
            name = f"{PREFIX}Clamp:Trace"
            await ioc.clamp.trace.write(np.zeros(60003), verify_value=False)
            for client in (deaf, other):
                await client.watch(name)
            assert await put_text(deaf, OWNER, "deaf")
            assert await put(deaf, "Clamp:HoldingPotential", 0.65)
            channel = await deaf.channel(f"{PREFIX}IOC:Heartbeat")
            await stop_reading(deaf, name)
            for number in range(1, 30):  # others hear all of it meanwhile
                trace = np.full(60003, float(number))
                await ioc.clamp.trace.write(trace, verify_value=False)
                await until(lambda n=number: other.updates[name].data[0] == n, 1.0)
            # it beats, which its owner does not hear
            for beat in range(30):
                if not ioc.supervisor.owner.value:
                    break
                deaf.tell(channel.write([beat]))
                await asyncio.sleep(0.1)
            assert ioc.supervisor.owner.value == ""
            assert "lost its connection" in ioc.supervisor.error_message.value
            await until(lambda: ioc.clamp.is_safe)
            assert await put_text(other, OWNER, "other")

    asyncio.run(fall_deaf())


@pytest.mark.fault(57)
def test_what_a_deaf_client_writes_is_carried_out(monkeypatch):
    async def fall_deaf():
        async with served(monkeypatch) as server:
            ioc = server.ioc
            deaf, name = await server.connect(), f"{PREFIX}Clamp:Trace"
            await ioc.clamp.trace.write(np.zeros(60003), verify_value=False)
            await put(deaf, "Clamp:HoldingPotential", 0.65)
            channel = await deaf.channel(f"{PREFIX}IOC:MakeSafe")
            await deaf.channel(name)
            await stop_reading(deaf, name)
            deaf.tell(channel.write([5]))
            await until(lambda: ioc.clamp.is_safe, 3.0)

    asyncio.run(fall_deaf())


@pytest.mark.fault(57)
def test_who_asks_for_more_than_waits_is_dropped(monkeypatch):
    monkeypatch.setattr(outgoing, "MOST_BYTES", 5_000_000)

    async def ask():
        async with served(monkeypatch) as server:
            ioc = server.ioc
            deaf, name = await server.connect(), f"{PREFIX}Clamp:Trace"
            await ioc.clamp.trace.write(np.zeros(60003), verify_value=False)
            await deaf.channel(name)
            assert await put_text(deaf, OWNER, "deaf")
            await stop_reading(deaf, name)
            await until(lambda: not ioc.supervisor.owner.value)

    asyncio.run(ask())


# -- who sends what is no Channel Access -----------------------------------------------


def frame(rng):
    """Make what looks like a message and is none, mostly."""
    command = rng.choice([0, 1, 2, 4, 12, 15, 18, 19, 20, 23, 99])
    payload = rng.choice([0, 8, 16, 24])
    kind, count = rng.choice([0, 3, 6, 77]), rng.choice([0, 1, 5])
    numbers = rng.choice([0, 1, 2**31]), rng.choice([0, 1, 2**31])
    head = struct.pack("!HHHHII", command, payload, kind, count, *numbers)
    return head + rng.randbytes(payload)


@pytest.mark.fault(65)
def test_malformed_frames_are_logged_once_with_a_count(monkeypatch, capsys):
    rng, frames = random.Random(65), 3000

    async def flood():
        async with served(monkeypatch) as server:
            ioc = server.ioc
            writers = []
            for _ in range(frames // 20):
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(b"".join(frame(rng) for _ in range(20)))
                await asyncio.sleep(0)
                writer.close()
                writers.append(writer)
            closed = (writer.wait_closed() for writer in writers)
            await asyncio.gather(*closed, return_exceptions=True)
            await asyncio.sleep(0.1)
            client = await server.connect()
            assert await make_safe(client, ioc, 3)
            return len(asyncio.all_tasks())

    with counted_log():
        left = asyncio.run(flood())
    assert left < 20, "no task is left of a client that has gone"
    lines = capsys.readouterr().err.splitlines()
    assert any("like this so far" in line for line in lines)
    assert len(lines) < 400


@pytest.mark.fault(65)
def test_a_record_of_one_kind_is_written_once_and_counted(capsys):
    logger = logging.getLogger("seccm_ophyd.sim_devices")

    def complain(what):
        logger.error("broken: %s", what)

    with counted_log():
        for number in range(1, 2346):
            complain(number)
        logger.error("another kind")
    told = [line.split("ERROR: ")[1] for line in capsys.readouterr().err.splitlines()]
    assert told == [
        "broken: 1",
        *(
            f"{count} like this so far, the last: broken: {count}"
            for count in (10, 100, 1000)
        ),
        "another kind",
        "2345 like this so far, the last: broken: 2345",
    ]
