"""A microscope without an IOC: ophyd's fake signals, answered as the IOC would."""

import threading

import numpy as np
from ophyd.sim import FakeEpicsSignal, fake_device_cache, make_fake_device

from seccm_ophyd.devices import Microscope
from seccm_ophyd.devices.axis_fields import AxisSetting, Setpoint, Switch
from seccm_ophyd.devices.command import NO_CONTACT, OK
from seccm_ophyd.devices.setting import (
    ArraySetting,
    OfLease,
    OptionalSetting,
    Push,
    Setting,
)

fake_device_cache.update(
    dict.fromkeys(
        (
            Setting,
            ArraySetting,
            AxisSetting,
            Push,
            OfLease,
            OptionalSetting,
            Setpoint,
            Switch,
        ),
        FakeEpicsSignal,
    )
)
NOTHING = [0.0, 0.0, *[np.nan] * 6]  # an acquisition without contact
FakeMicroscope = make_fake_device(Microscope)


class FakeInstrument:
    """Answers the commands of a fake `Microscope` at once.

    ``log`` lists what was done, in order, a switch of the clamp as ``"to ICLAMP"``;
    ``misses`` holds the numbers of the approaches (from 1) that find nothing,
    ``overloads`` those of the acquisitions that leave the range;
    ``silent`` names commands and axes that never answer; ``refused`` holds moves (axis,
    position) that the IOC would not make. In current clamp the potential begins at
    ``rest_v`` and moves by ``slope_v_s`` in the direction of the current.
    """

    def __init__(self):
        self.log = []
        self.misses = set()
        self.overloads = set()
        self.acquisitions = 0
        self.silent = set()
        self.outcomes = {}
        self.refused = set()
        self._written_back = []
        self.approaches = 0
        self.rest_v = 0.38
        self.slope_v_s = 0.1
        self.state = "WITHDRAWN"
        self._mode = "VCLAMP"
        self.device = FakeMicroscope("FAKE:", name="seccm")
        self._lock = threading.RLock()
        self._wire()

    def height(self, x, y):
        return 1.0 + x / 10 + y / 100

    def close(self):
        self.device.destroy()

    def _wire(self):
        m = self.device
        for walk in m.walk_signals():
            walk.item.pvname = f"FAKE:{walk.dotted_name}"
            if getattr(walk.item, "_use_limits", False):
                walk.item.sim_set_limits((-1e6, 1e6))
        m.link.boot_id.sim_put(7)
        m.link.error_message.sim_put("the fake says no")
        for signal, value in (
            (m.tripped, "no"),
            (m.z.state, "WITHDRAWN"),
            (m.z.approach_rate, 20.0),
            (m.z.threshold, 2.0),
            (m.z.least_contact, 20.0),
            (m.rest_potential, 0.38),
            (m.z.threshold_mode, "absolute"),
            (m.z.debounce, 3),
            (m.z.verify_time, 0.012),
            (m.z.following_error_limit, 0.5),
            (m.z.travel_limit, 100.0),
            (m.z.withdraw_distance, 4.0),
            (m.z.withdraw_rate, 200.0),
            (m.z.fast_rate, 100.0),
            (m.clamp.mode, "VCLAMP"),
            (m.clamp.holding_potential, 0.0),
            (m.clamp.safe_potential, 0.0),
            (m.clamp.holding_current, 0.0),
            (m.clamp.gain, 5.0),
            (m.clamp.filter_cutoff, 1000.0),
            (m.clamp.sample_rate, 200e3),
            (m.clamp.samples, 10),
            (m.clamp.settle_time, 0.02),
            (m.clamp.waveform, np.zeros(1)),
            (m.clamp.cutoffs, np.array([-10.0, 10.0])),
            (m.clamp.compliance, 10.0),
            (m.clamp.current_range, 2000.0),
            (m.clamp.current_step, 0.061),
            (m.clamp.current_noise, 0.28),
            (m.clamp.present_noise, 0.28),
        ):
            signal.sim_put(value)
        for axis in (m.xy.x, m.xy.y, m.z.axis):
            self._wire_axis(axis)
        for command, answer in (
            (m.z.withdraw, self._withdraw),
            (m.z.approach, self._approach),
            (m.safe, self._safe),
        ):
            command.request.subscribe(self._commanded(command, answer), run=False)
        withdraw = self._commanded(m.z.withdraw, self._withdraw)
        m.z.leave.request.subscribe(self._behind("acquire", withdraw), run=False)
        m.z.halt.subscribe(lambda value, **kw: self.log.append("halt z"), run=False)
        acquire = self._commanded(m.clamp.acquire, self._acquire)
        m.clamp.acquire.request.subscribe(acquire, run=False)
        m.clamp.arm.subscribe(self._behind("approach", acquire), run=False)
        m.clamp.mode.subscribe(self._switched, run=False)

    def _wire_axis(self, axis):
        for signal, value in (
            (axis.user_readback, 0.0),
            (axis.user_setpoint, 0.0),
            (axis.velocity, 2000.0),
            (axis.settle, 0.02),
            (axis.motor_egu, "um"),
            (axis.low_limit_travel, -30.0),
            (axis.high_limit_travel, 30.0),
            (axis.stop_pause_move_go, "Go"),
            (axis.set_use_switch, 0),
            (axis.disable, 0),
            (axis.retry_deadband, 1e-3),
            (axis.motor_step, 1e-4),
            (axis.motor_done_move, 1),
            (axis.motor_is_moving, 0),
            (axis.low_limit_switch, 0),
            (axis.high_limit_switch, 0),
            (axis.direction_of_travel, 1),
        ):
            signal.sim_put(value)
        axis._set_position(0.0)
        axis.user_readback.alarm_severity = 0
        axis.user_setpoint.sim_set_limits((-30.0, 30.0))
        axis.user_readback._metadata["units"] = "um"
        axis.user_setpoint._metadata["units"] = "um"

        def moved(value, **kwargs):
            with self._lock:
                if axis.name in self.silent:
                    return
                if (axis.name, value) in self._written_back:
                    self._written_back.remove((axis.name, value))
                    return
                axis.motor_done_move.sim_put(0)
                if (axis.name, value) in self.refused:
                    m = self.device
                    m.link.error_message.sim_put("the fake says no")
                    back = axis.user_readback.get()
                    self._written_back.append((axis.name, back))
                    axis.user_setpoint.sim_put(back)
                else:
                    where = axis.name.removeprefix("seccm_")
                    self.log.append((where, value, self.state))
                    axis.user_readback.sim_put(value)
                axis.motor_done_move.sim_put(1)

        axis.user_setpoint.subscribe(moved, run=False)

    def _switched(self, value, **kwargs):
        with self._lock:
            if value != self._mode:
                self._mode = value
                self.log.append(f"to {value}")

    def _commanded(self, command, answer):
        def commanded(value, **kwargs):
            with self._lock:
                name = command.attr_name
                if name == "acquire" and self.state == "NO_CONTACT":
                    command.result.sim_put(np.array([value, NO_CONTACT, *NOTHING]))
                    return
                self.log.append(name)
                if name in self.silent:
                    return
                result = answer(int(value))
                if name in self.outcomes:
                    result[1] = self.outcomes[name]
                    self.device.link.error_message.sim_put("the fake says no")
                command.result.sim_put(np.array(result, dtype=float))

        return commanded

    def _behind(self, earlier, commanded):
        """Let a command not begin as long as an earlier one has not ended."""

        def in_turn(value, **kwargs):
            if earlier not in self.silent:
                commanded(value, **kwargs)

        return in_turn

    def _withdraw(self, number):
        self.state = "WITHDRAWN"
        return [number, OK, 5.0]

    def _approach(self, number):
        self.approaches += 1
        m = self.device
        x, y = m.xy.x.user_readback.get(), m.xy.y.user_readback.get()
        miss = self.approaches in self.misses
        self.state = "NO_CONTACT" if miss else "CONTACT"
        height = np.nan if miss else self.height(x, y)
        curve = np.full((2, 1000), float(number))
        m.z.curve.sim_put(np.concatenate([[number, 1000], curve.ravel()]))
        outcome = NO_CONTACT if miss else OK
        landing = [number, outcome, height, x, y, 2.5, 0.1, 0.28, 4.0, float(number)]
        return [*landing, 2.0, 0.11, 0.6]

    def _acquire(self, number):
        clamp = self.device.clamp
        time, potential, current = self._measure(int(clamp.samples.get()))
        n = len(time)
        clamp.trace.sim_put(np.concatenate([[number, 0, n], time, potential, current]))
        means = potential.mean(), current.mean(), current.std()
        self.acquisitions += 1
        overload = int(self.acquisitions in self.overloads)
        return [number, OK, overload, n, *means, 1.0, 0.0, 0.02]

    def _measure(self, n):
        """Time, potential and current as the prepared settings make them."""
        clamp = self.device.clamp
        time = np.arange(n) / clamp.sample_rate.get()
        mode, waveform = clamp.mode.get(), np.asarray(clamp.waveform.get(), float)
        if mode == "VCLAMP":
            held = np.full(n, clamp.holding_potential.get())
            potential = waveform if len(waveform) == n > 1 else held
            return time, potential, np.full(n, 100.0 + self.approaches)
        current = np.zeros(n)
        if mode == "ICLAMP":
            current += waveform
        potential = self.rest_v + self.slope_v_s * np.sign(current) * time
        low, high = clamp.cutoffs.get()
        beyond = (potential < low) | (potential > high)
        end = int(beyond.argmax()) + 1 if beyond.any() else n
        return time[:end], potential[:end], current[:end]

    def _safe(self, number):
        self.state = "WITHDRAWN"
        self.device.clamp.mode.sim_put("VCLAMP")
        self.device.clamp.holding_potential.sim_put(0.0)
        return [number, OK, 50.0]
