"""The checks of a chaos: each finds what is planted."""

import math

from tests.chaos.invariants import (
    balance,
    check_balance,
    check_harm,
    check_indices,
    check_memory,
    check_safe,
    check_stop,
)
from tests.chaos.stored import StoredRun
from tests.chaos.truth import HopLogReader, Truth, key_of

PLACES = [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]


def landing(at, x, y, height=0.5, outcome=1, what="landing"):
    """A line of the simulator."""
    return {
        "what": what, "at": at, "t": at, "landing": [7.0, outcome, height, x, y],
    }  # fmt: skip


def stepped(places=PLACES):
    return Truth([landing(float(k), *place) for k, place in enumerate(places)])


def flown():
    return Truth([landing(0.0, *place, what="hop") for place in PLACES])


def stored(places=PLACES, height=0.5):
    keys = [key_of(*place, height) for place in places]
    return StoredRun("abcdefgh", keys, list(range(len(keys))))


def problems(truth, runs, bound=0, orders=(0.0,)):
    return check_balance(balance(truth, runs, orders), bound)


def test_a_whole_scan_has_no_problem():
    assert problems(stepped(), [stored()]) == []
    assert problems(flown(), [stored()]) == []


def test_the_hop_that_goes_on_when_it_ends_may_be_missing():
    assert problems(stepped(), [stored(PLACES[:3])]) == []


def test_a_hop_that_is_lost_is_found():
    (said,) = problems(stepped(), [stored([*PLACES[:1], *PLACES[2:]])])
    assert "1 completed hops are lost, 0 may be" in said
    assert "(1.0, 0.0, 0.5)" in said


def test_a_hop_of_a_fly_scan_that_is_lost_is_found_beyond_the_bound():
    assert problems(flown(), [stored(PLACES[:2])], bound=2) == []
    (said,) = problems(flown(), [stored(PLACES[:1])], bound=2)
    assert "3 completed hops are lost, 2 may be" in said


def test_a_hop_that_is_stored_twice_is_found():
    (said,) = problems(flown(), [stored(), stored(PLACES[:1])])
    assert "1 hops are stored twice or were never made" in said


def test_a_hop_that_was_never_made_is_found():
    (said,) = problems(flown(), [stored([*PLACES, (9.0, 9.0)])])
    assert "(9.0, 9.0, 0.5)" in said


def test_a_value_that_was_not_measured_is_found():
    assert len(problems(flown(), [stored(height=0.6)])) == 2  # lost, and made up
    nothing = [landing(0.0, 1.0, 1.0, math.nan, 2, "hop")]
    assert problems(Truth(nothing), [stored([(1.0, 1.0)], math.nan)]) == []


def test_a_hop_that_was_interrupted_is_done_again():
    again = stepped([*PLACES[:2], *PLACES[1:]])
    assert problems(again, [stored()]) == []
    # the next run begins elsewhere
    assert problems(stepped(), [stored(PLACES[1:])], orders=(0.0, 0.5)) == []


def test_an_index_that_comes_twice_is_found():
    run = stored()
    assert check_indices([run]) == []
    run.indices[3] = 1
    assert check_indices([run]) == ["run abcdefgh: hop 1 is stored 2 times"]


def test_harm_is_found():
    assert check_harm(stepped()) == []
    harm = {"what": "harm", "at": 1.0, "t": 1.0, "kind": "dragged meniscus"}
    assert check_harm(Truth([harm])) == ["1 x dragged meniscus"]


def state(at, what):
    return {"what": what, "at": at, "t": 0.0}


def test_the_time_to_safe_is_that_from_which_on_it_stays_so():
    lines = [state(1.0, "unsafe"), state(2.0, "safe"), state(2.5, "unsafe")]
    assert math.isinf(Truth(lines).unsafe_since(1.5, 10.0))
    whole = Truth([*lines, state(4.0, "safe"), state(11.0, "unsafe")])
    assert whole.unsafe_since(1.5, 10.0) == 2.5
    assert whole.unsafe_since(5.0, 10.0) == 0.0
    assert check_safe(2.5, 3.0) == []
    assert check_safe(2.5, 2.0) == ["SAFE after 2.50 s, 2 s are allowed"]
    assert check_safe(math.inf, 3.0) == ["it did not become SAFE"]


def test_the_last_hop_is_known():
    lines = [state(1.0, "landing"), state(2.0, "hop"), state(3.0, "safe")]
    assert Truth(lines).last_made() == 2.0
    assert Truth([state(3.0, "safe")]).last_made() == -math.inf


def test_a_run_that_did_not_end_as_it_was_to_is_found():
    well = {"exit_status": "success", "hops": {"done": 4, "stored": 4, "lost": 0}}
    assert check_stop(well, 4, 4, complete=True) == []
    assert check_stop(None, 4, 4, complete=False) == ["the run has no stop document"]
    assert "3 of 4 hops" in check_stop(well, 3, 4, complete=True)[0]
    assert "3 are stored" in check_stop(well, 3, 4, complete=False)[0]
    failed = {"exit_status": "fail", "reason": "out of luck"}
    assert "out of luck" in check_stop(failed, 2, 4, complete=True)[0]
    assert check_stop(failed, 2, 4, complete=False) == []


def test_memory_is_bounded():
    assert check_memory(300.0) == []
    assert "3000 MB" in check_memory(3000.0)[0]


def test_instrument_time_is_that_of_all_starts():
    lines = [
        {"what": "boot", "at": 0.0, "t": 0.0}, {"what": "safe", "at": 1.0, "t": 5.0},
        {"what": "boot", "at": 2.0, "t": 0.0}, {"what": "safe", "at": 3.0, "t": 2.0},
    ]  # fmt: skip
    assert Truth(lines).simulated_s() == 7.0


def test_a_line_that_is_still_being_written_is_read_later(tmp_path):
    path = tmp_path / "hops.jsonl"
    reader = HopLogReader(path)
    assert reader.new() == []
    path.write_text('{"what": "safe"}\n{"wh')
    assert reader.new() == [{"what": "safe"}]
    with path.open("a") as file:
        file.write('at": "unsafe"}\n')
    assert reader.new() == [{"what": "unsafe"}]
