"""PVs are found while the environment changes and other IOCs come and go."""

import os
import socket
import threading
from types import SimpleNamespace

import caproto
import caproto._utils
import pytest
from caproto.threading.client import Context, SharedBroadcaster, Subscription
from ophyd import EpicsSignalRO
from ophyd import get_cl as get_control_layer

import seccm_ophyd.devices  # noqa: F401  it protects the search
from seccm_ophyd._upstream.caproto import _Unreachable, forget_channels
from seccm_ophyd.channel_access import uses_libca
from tests.iocs import RunningIOC, wait_for

pytestmark = pytest.mark.skipif(uses_libca(), reason="nothing is changed there")


def test_the_search_survives_changes_of_the_environment():
    ended = threading.Event()

    def change():
        while not ended.is_set():
            os.environ["SECCM_TEST_SEARCH"] = "1"
            del os.environ["SECCM_TEST_SEARCH"]

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(3000):
            assert "EPICS_CA_ADDR_LIST" in caproto._utils.get_environment_variables()
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("name", ["EPICS_CAS_SERVER_PORT", "EPICS_CA_CONN_TMO"])
def test_the_search_survives_a_value_that_is_none(monkeypatch, name):
    before = caproto._utils.get_environment_variables()
    monkeypatch.setenv(name, "none")
    assert caproto._utils.get_environment_variables() == before
    monkeypatch.setenv(name, "77")
    assert caproto._utils.get_environment_variables()[name] == 77


def test_an_address_that_cannot_be_reached_is_passed_over(monkeypatch):
    asked = []

    def sendto(message, address):
        if address[0] == "192.0.2.1":
            raise OSError(101, "Network is unreachable")
        asked.append((message, address))

    here = ("127.0.0.1", 5064)
    addresses = [("192.0.2.1", 5064), here]
    monkeypatch.setattr(caproto, "get_client_address_list", lambda: addresses)
    searching = SimpleNamespace(
        broadcaster=SimpleNamespace(send=lambda *commands: b"search"),
        udp_sock=SimpleNamespace(sendto=sendto),
    )
    SharedBroadcaster.send(searching, "command")
    assert asked == [(b"search", here)]


def test_channels_that_have_gone_keep_nobody_waiting():
    gone = [get_control_layer().get_pv(f"GONE:{k}") for k in range(100)]
    told, ended = [], threading.Event()
    for pv in gone:
        pv.get_all_metadata_callback(lambda *md: told.append(md), timeout=10)
    dispatcher = get_control_layer().get_dispatcher()
    for _ in range(4):  # one for each of the threads that may be busy
        dispatcher.schedule_utility_task(ended.set)
    assert ended.wait(60), "100 channels, 10 s each in four threads: 250 s"
    assert not told


def _end_the_search(broadcaster):
    """Disconnect when nothing is being sent: its thread would fail amid it."""
    broadcaster._close_event.set()
    broadcaster._searching_enabled.set()
    broadcaster._search_now.set()
    broadcaster._retry_unanswered_searches_thread.join(10)
    assert not broadcaster._retry_unanswered_searches_thread.is_alive()
    broadcaster.disconnect()


@pytest.mark.parametrize("answers", [False, True], ids=["refuses", "hangs"])
def test_a_server_that_dies_after_its_answer_does_not_end_the_search(answers):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        if answers:  # the kernel takes the connection, nobody says anything
            listening.listen()
        address = listening.getsockname()
        context = Context(SharedBroadcaster())
        try:
            (lost,) = context.get_pvs("LOST:PV")
            versions = context.broadcaster.server_protocol_versions
            versions[address] = caproto.DEFAULT_PROTOCOL_VERSION
            context._search_results_queue.put((address, ["LOST:PV"]))
            searches = context.broadcaster.unanswered_searches
            context.broadcaster.cancel("LOST:PV")
            wait_for(lambda: "LOST:PV" in {name for name, *_ in searches.values()})
            assert context._process_search_results_thread.is_alive()
            assert not lost.connected
        finally:
            context.disconnect()
            _end_the_search(context.broadcaster)


def test_nothing_searches_for_an_ioc_that_has_been_forgotten():
    if get_control_layer().name != "caproto":
        pytest.skip("only of ophyd's layer for caproto")
    ioc = RunningIOC()
    signals = [EpicsSignalRO(ioc.prefix + f"Z:{name}", name=name) for name in "ZZ"]
    missing = EpicsSignalRO(ioc.prefix + "NoSuchPV", name="missing")
    for signal in signals:
        signal.wait_for_connection(timeout=30)
    context = signals[0]._read_pv._context
    searches = context.broadcaster.unanswered_searches

    def searched():
        return {name for name, *_ in list(searches.values())}

    wait_for(lambda: missing.pvname in searched())
    ioc.kill()
    wait_for(lambda: signals[0].pvname in searched())
    ioc.close()
    assert not [name for name in searched() if name.startswith(ioc.prefix)]
    ioc.start()
    again = EpicsSignalRO(signals[0].pvname, name="again")
    again.wait_for_connection(timeout=30)
    assert not signals[0].connected, "those who had it have to ask anew"
    forget_channels(ioc.prefix)  # while it is connected
    ioc.close()
    wait_for(lambda: not again.connected)
    assert not [name for name in searched() if name.startswith(ioc.prefix)]


def test_a_subscription_ends_while_its_ioc_cannot_be_reached():
    """As when a session closes after its network has gone down."""
    context = SimpleNamespace(reconnect=lambda keys: None)
    pv = SimpleNamespace(
        name="AWAY:Z:State",
        channel=None,
        circuit_manager=_Unreachable(context, ("192.0.2.1", 5064), 0),
    )
    subscription = Subscription(pv, 0, 0, None, None, None, None)
    subscription.subscriptionid = 7
    subscription._unsubscribe()
    assert subscription.subscriptionid is None
