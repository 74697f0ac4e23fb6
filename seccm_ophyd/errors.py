"""What can go wrong, named so that plans and people can distinguish the cases."""

from .terminal import clean_lines

__all__ = [
    "CallbackStalledError",
    "CommandRefusedError",
    "CommandTimeoutError",
    "ConfigError",
    "DamagedFileError",
    "DiskSpaceError",
    "HopEndedError",
    "InstrumentLostError",
    "MotorError",
    "NoContactError",
    "NotKeptError",
    "OverloadError",
    "ParameterError",
    "RunNotFoundError",
    "SeccmError",
    "StoppedError",
    "StorageStalledError",
    "TooManyMissesError",
    "TrippedError",
]


class SeccmError(Exception):
    """Base class of the errors of this package.

    What others have written (owners, metadata, files) reaches a terminal cleaned.
    """

    def __str__(self) -> str:
        """Give the message as a terminal may show it."""
        return clean_lines(super().__str__())


class ConfigError(SeccmError, ValueError):
    """A configuration file is missing, malformed or holds a value out of range."""


class ParameterError(SeccmError, ValueError):
    """An argument is out of range; the message names the value and the range."""


class NotKeptError(SeccmError, TypeError):
    """A reading or a setting of a device is nothing that a stored run can keep."""


class RunNotFoundError(SeccmError, KeyError):
    """No run has the name that was given; the message says where it was looked for."""

    def __str__(self) -> str:
        """Give the sentence itself; a `KeyError` would give its repr."""
        return clean_lines(str(self.args[0])) if self.args else ""


class DiskSpaceError(SeccmError, OSError):
    """The data folder has, or would have, less free space than its reserve."""


class FolderGoneError(SeccmError, FileNotFoundError):
    """The data folder of an open session is no longer where it was."""


class DamagedFileError(SeccmError, OSError):
    """A file of a stored run is damaged; the message names it and says where."""


class StorageStalledError(SeccmError, TimeoutError):
    """The data folder did not answer for longer than a scan waits for it."""


class CallbackStalledError(SeccmError, TimeoutError):
    """A callback took so long that the probe was withdrawn from its contact.

    The document that it was called with is stored.
    """


class InstrumentLostError(SeccmError, ConnectionError):
    """The connection was lost or the IOC restarted: tip state unknown."""


class CommandRefusedError(SeccmError):
    """The IOC refused a command or a value; the message is its own."""


class MotorError(SeccmError):
    """A motor record is not set as it has to be, or has not got where it was sent."""


class CommandTimeoutError(SeccmError, TimeoutError):
    """A command or a move did not end within its longest physical duration."""


class StoppedError(SeccmError):
    """A command was stopped before it was complete."""


class TrippedError(SeccmError):
    """A safety trip ended the command; an operator must reset it."""


class NoContactError(SeccmError):
    """The probe was lowered to the travel limit and no contact was made."""


class HopEndedError(SeccmError):
    """The contact was lost, or the amplifier overloaded, before all was measured."""


class OverloadError(SeccmError):
    """A scan ended because the amplifier left its range."""


class TooManyMissesError(SeccmError):
    """A scan ended because too many hops in a row gave no good pixel."""
