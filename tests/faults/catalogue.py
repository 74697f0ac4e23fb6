"""The faults that labs suffer, and what is promised for each."""

from dataclasses import dataclass

__all__ = ["FAULTS", "Fault"]


@dataclass(frozen=True)
class Fault:
    """One fault: what breaks, and what must happen then."""

    name: str
    promise: str


FAULTS: dict[int, Fault] = {
    1: Fault(
        "the IOC dies during an approach",
        "the landing fails within 2 s as lost, never as success; the message says that "
        "the state of the tip is unknown; the IOC boots SAFE",
    ),
    2: Fault(
        "the IOC dies between two hops", "the next hop fails; no point is made up"
    ),
    3: Fault(
        "the IOC dies during a charge of an hour",
        "it fails within 2 s, and at least 99 % of the trace so far is readable",
    ),
    4: Fault(
        "the IOC comes back after a restart",
        "nothing continues by itself; once the user has called rehome(), the next run "
        "works in the same Python",
    ),
    5: Fault("the IOC freezes", "noticed by its clock, which stands still; then as 1"),
    6: Fault(
        "PVs are missing at the start",
        "refused within 5 s by one error that names them all",
    ),
    7: Fault(
        "the network is cut during a run",
        "what waits fails as lost, at once where connections are closed, within 5 s "
        "where there is only silence; the IOC makes itself SAFE; rehome() continues",
    ),
    8: Fault(
        "the current reads NaN or infinite",
        "the hop is recorded as bad; several in a row end the scan SAFE",
    ),
    9: Fault(
        "the amplifier leaves its range",
        "the hop is recorded as overload, the cell goes to its safe potential and the "
        "probe is withdrawn; whether the map continues is an option",
    ),
    10: Fault(
        "no contact within the travel limit",
        "the hop is recorded as no_contact, with NaN; several in a row end the scan",
    ),
    11: Fault(
        "a spike stops the approach above the surface",
        "the contact is verified for a while; the hop is recorded as suspect",
    ),
    12: Fault(
        "the meniscus breaks during a measurement",
        "seen in the trace, which counts only up to there; the hop is recorded as lost",
    ),
    13: Fault(
        "the tip crashes",
        "SAFE, and a latched trip that an operator has to acknowledge",
    ),
    14: Fault(
        "the meniscus does not come off when the probe is withdrawn",
        "the withdrawal is extended once; if that does not help, a latched trip",
    ),
    15: Fault(
        "a point lies outside the range of the stage",
        "refused before the run is opened; refused by the IOC as well",
    ),
    16: Fault("XY is sent off in contact", "refused by the IOC"),
    17: Fault(
        "Z does not follow its setpoint", "a latched trip on the following error, SAFE"
    ),
    18: Fault(
        "the sample drifts out of the range of Z",
        "the landing ends, the message says how far the sample has drifted",
    ),
    19: Fault(
        "current clamp without a cell",
        "refused without contact; where the contact is lost, it ends at the compliance",
    ),
    20: Fault(
        "someone turns a knob of the amplifier",
        "mode, gain, filter and potential are checked at each hop; refused",
    ),
    21: Fault(
        "a potential outside the window", "refused by the devices and by the IOC"
    ),
    22: Fault("Ctrl-C once", "paused after the hop, SAFE"),
    23: Fault(
        "Ctrl-C twice, or many times",
        "paused at once, SAFE; presses within 0.1 s count as one",
    ),
    24: Fault(
        "abort and stop of the engine", "stopped, cell safe, withdrawn, each bounded"
    ),
    25: Fault("halt of the engine", "SAFE although no plan cleans up"),
    26: Fault(
        "an exception in a plan or in a callback",
        "any plan: SAFE and the error; a callback of the user: reported, the scan "
        "continues",
    ),
    27: Fault(
        "the IOC freezes while it is to be made SAFE",
        "bounded; the message says that the state of the tip is unknown; the IOC makes "
        "itself SAFE when it can",
    ),
    28: Fault(
        "the session is killed",
        "the IOC withdraws the probe within 3 s; every completed hop is recovered; the "
        "next session starts clean",
    ),
    29: Fault("SIGTERM or SIGHUP to the session", "the scan is aborted, SAFE"),
    30: Fault(
        "paused and forgotten", "SAFE for as long as it lasts; the lease is kept"
    ),
    31: Fault("resumed after a long pause", "the hop starts again from its withdrawal"),
    32: Fault(
        "the disk is full",
        "too little space is refused before, with both numbers; below the reserve, or "
        "when a file may not grow, the run ends SAFE, the message names the file, and "
        "what was written stays readable; a fly scan sees the reserve with each page: "
        "what it has made by then (at most two pages of 50 hops) is stored within the "
        "reserve; hops of a fly scan that a full disk does not take stay in the "
        "instrument: the next session or seccm recover fetches them (66 of 66)",
    ),
    33: Fault(
        "the catalogue cannot be opened at the start",
        "the scan continues into the journal; the catalogue catches up later, a "
        "corrupt one is set aside and made anew",
    ),
    34: Fault(
        "the catalogue dies or hangs during a run",
        "the scan does not wait for it; it catches up later with equal documents",
    ),
    35: Fault(
        "two clients on one IOC",
        "the second is refused, with the name of the owner; MakeSafe is always allowed",
    ),
    36: Fault(
        "someone writes with caput during a run",
        "refused, except stop and MakeSafe",
    ),
    37: Fault(
        "senseless arguments of plans",
        "refused before the run is opened, with the allowed range",
    ),
    38: Fault("a map of a billion points", "refused with its estimate, unless forced"),
    39: Fault(
        "garbage on the Channel Access port",
        "the IOC answers, the tip is safe, the memory bounded",
    ),
    40: Fault(
        "garbage written to PVs",
        "refused, the value is kept, ErrorMessage says why",
    ),
    41: Fault(
        "strangers in the network",
        "loopback by default; an optional list of clients that may write",
    ),
    42: Fault(
        "paths in metadata",
        "file names come from the uid; nothing is written outside the chosen folder",
    ),
    43: Fault(
        "code in data files", "nothing is executed: no pickle, eval, unsafe YAML"
    ),
    44: Fault("formulas in exported tables", "they stay text"),
    45: Fault(
        "the queue server kills its worker",
        "as 28; the failed plan does not run again by itself",
    ),
    46: Fault("Redis dies under the queue server", "the plan that runs continues"),
    47: Fault("the clock jumps", "time-outs and order do not depend on it"),
    48: Fault(
        "a cut line in a journal, no stop document",
        "read up to the cut, marked as interrupted",
    ),
    49: Fault(
        "a trace that is short, long or of another measurement",
        "refused by count and number",
    ),
    50: Fault(
        "a configuration file that is missing or corrupt",
        "refused with file and line",
    ),
    51: Fault(
        "a line of a journal is damaged",
        "every line has a checksum, and every one that is intact is read: of 100 hops "
        "with one flipped bit, lost sector, zeroed block, 700 bytes of garbage or lost "
        "newline, none whose line is intact is lost (300 tries); what "
        "others refer to is written twice; show, runs and the run name the damaged "
        "lines; recover sets them aside and keeps the file; a line of a fly scan is a "
        "page of at most 50 hops",
    ),
    52: Fault(
        "a foreign file lies in the folder of the journals",
        "it is named, passed over and never changed, in bounded time and memory "
        "(seconds and 3 GB for a line of 1 GB and a file of 1 TB); all other runs are "
        "listed, shown and recovered; control characters never reach the terminal",
    ),
    53: Fault(
        "a fly scan ends early: abort, stop, halt, a trip, an overload",
        "all hops that the IOC has completed are in the run (1,052 of 1,052 at full "
        "speed; 270 were missing before); the stop document counts those done, stored "
        "and lost",
    ),
    54: Fault(
        "the session of a fly scan is killed",
        "the IOC keeps what it has made until a client reports that it is on the disk; "
        "seccm recover, or the next session, fetches it (50 of 50 hops at "
        "full speed); if the IOC is gone as well, recover reports how many hops may be "
        "lost, at most 100",
    ),
    55: Fault(
        "the IOC of a fly scan is killed",
        "pages at least every second and every 50 hops, whichever comes first: no more "
        "is lost (at full speed up to 365 before)",
    ),
    56: Fault(
        "the link of a fly scan is narrow (50 kB/s), or cut towards the IOC",
        "hops come in smaller pages, 150 kB at most, where it is narrow, and the scan "
        "continues; cut, the IOC is SAFE when the lease ends, the run ends after 21 s "
        "with one sentence, and the IOC keeps the hops that are not stored (100 at "
        "most): seccm recover, or the next session, fetches them",
    ),
    57: Fault(
        "the link from the IOC to its owner is cut",
        "an owner that hears nothing for 2 s sends no heartbeat any more; SAFE within "
        "5 s of the last one; a client that does not read for 5 s is dropped, and "
        "the IOC does not wait for it",
    ),
    58: Fault(
        "a number outside its states is written to an enum PV",
        "refused with ErrorMessage, as any value of any type that a PV cannot hold; "
        "the PV answers afterwards; MakeSafe works in any state",
    ),
    59: Fault(
        "an owner freezes past its lease and wakes when another drives",
        "it learns that it has lost the lease before it writes anything; its run "
        "fails, the scan of the other one is complete; only a new connection (seccm "
        "safe) stops it",
    ),
    60: Fault(
        "a session is killed while it is idle",
        "the instrument is free after the lease time (4 s), also where the connection "
        "stays half open",
    ),
    61: Fault(
        "files of the catalogue are deleted, empty or damaged",
        "seccm recover compares the catalogue with the journals, sets damaged "
        "databases aside, writes again what is gone or differs, and says which runs "
        "and why; until then runs come from their journals; seccm verify RUN compares "
        "each value",
    ),
    62: Fault(
        "a file of traces is damaged",
        "of 1,200 damages at random none gave a wrong value, a crash or a reader that "
        "does not return: within 0.6 s the values are right, or one error names file, "
        "run and rows; the other rows can be read; verify names the file",
    ),
    63: Fault(
        "the storage stalls for some seconds",
        "the heartbeat continues; after 1 s the probe is withdrawn, after 2 s one line "
        "says so; when the storage answers within storage_wait_s (60 s) the scan "
        "continues, else it ends SAFE, and what was not written is written later; "
        "a fly scan keeps hopping meanwhile; where the storage answers at last and "
        "refuses, hops of a fly scan are not acknowledged: the stop document counts "
        "them as lost, the next session or seccm recover fetches them (all)",
    ),
    64: Fault(
        "the network delays each message by 0.2 s or 1 s, each way",
        "a session opens (6 s, 26 s), keeps its lease; a hop of a stepped scan takes "
        "two round trips longer (0.8 s, 4.0 s), a change of technique in a contact up "
        "to seven; in a fly scan the IOC hops by itself; time-outs are longer by four "
        "round trips; an error is one sentence; SAFE as in a fast one",
    ),
    65: Fault(
        "malformed frames flood the port of the IOC",
        "errors of one kind are logged once, and their count at 10, 100, 1000 ... "
        "(100,000 frames: 226 lines); memory stays flat, scans continue",
    ),
    66: Fault(
        "the data folder is moved or deleted during a scan",
        "seen with the next hop or page, also where only the journal or the file of "
        "the traces is deleted or replaced; the scan ends SAFE and says so",
    ),
    67: Fault(
        "a plan or a callback keeps the engine busy past the lease, or hangs",
        "runs are looked up, and callbacks called, in a thread: the probe is withdrawn "
        "after 4 s, and after 60 s the scan continues without the callback; for a "
        "plan, with the probe withdrawn the lease is kept "
        "for 60 s; with the probe down, or in a fly scan, SAFE within 5 s of the last "
        "heartbeat; after 2 s one line names the file and line where it is busy",
    ),
    68: Fault(
        "a scan that knows the surface, and lifts the probe less between its hops, is "
        "killed, halted, or loses the instrument: its heights remain in the IOC",
        "they are forgotten when a session opens, by rehome(), after a halt, and at "
        "the beginning of each run: the next scan lifts the probe by its own distance",
    ),
}
