"""A plan that can be made again from its arguments, to be estimated and to be run."""

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import Any

from bluesky.utils import MsgGenerator, Plan

from seccm_ophyd.errors import ParameterError

from ..options import HopOptions
from ..protocols import HoppingMicroscope

__all__ = ["HopPlan", "check_unused", "hop_plan"]

_OPTIONS = "options"  # the parameter of a plan that stands for all of `HopOptions`
_AFTER = "\n\nYields\n"  # the section after the parameters


class HopPlan(Plan):
    """What a hopping plan returns: bluesky's plan, which remembers its arguments.

    Parameters
    ----------
    function
        Generator function of the plan.
    **kwargs
        Its arguments.
    """

    def __init__(
        self, function: Callable[..., MsgGenerator[Any]], **kwargs: Any
    ) -> None:
        super().__init__(function, **kwargs)
        self._make = functools.partial(function, **kwargs)

    def again(self) -> MsgGenerator[Any]:
        """Make its messages anew; this plan itself stays as it is."""
        self._stack = []  # it was made use of: no warning that it was never iterated
        return self._make()


def hop_plan(function: Callable[..., MsgGenerator[Any]]) -> Callable[..., HopPlan]:
    """Decorate a hopping plan, as `bluesky.utils.plan` does.

    Its first argument is the microscope. A parameter ``options`` stands for all of
    `HopOptions`: users see each of them in the signature, in the annotations and in
    the docstring, and so do IPython, Sphinx and the queue server.

    Raises
    ------
    ParameterError
        When it is called with something else instead of a microscope, or an option is
        out of range.
    TypeError
        When it is called with arguments that it does not have.
    """
    own = inspect.signature(function)
    takes_options = _OPTIONS in own.parameters
    signature = _spelled_out(own) if takes_options else own
    options = {field.name for field in fields(HopOptions)}

    @functools.wraps(function)
    def made(*args: Any, **kwargs: Any) -> HopPlan:
        try:
            arguments = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            _check_technique(function.__name__, signature, args)
            raise TypeError(f"{function.__name__}: {error}") from None
        _check_microscope(arguments["microscope"], function.__name__)
        if takes_options:
            given = {n: arguments.pop(n) for n in options & arguments.keys()}
            arguments[_OPTIONS] = HopOptions(**given)
        return HopPlan(function, **arguments)

    made._is_plan_ = True  # type: ignore[attr-defined]  # as bluesky marks its plans
    made.__signature__ = signature  # type: ignore[attr-defined]
    made.__annotations__ = {
        name: parameter.annotation for name, parameter in signature.parameters.items()
    } | {"return": signature.return_annotation}
    if takes_options:
        made.__doc__ = _documented(function)
    return made


def _spelled_out(signature: inspect.Signature) -> inspect.Signature:
    """Put the options themselves where the parameter for all of them stands."""
    own = [p for name, p in signature.parameters.items() if name != _OPTIONS]
    options = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=field.type,
        )
        for field in fields(HopOptions)
    ]
    return signature.replace(parameters=[*own, *options])


def _documented(function: Callable[..., Any]) -> str:
    """Write the options, and ``md``, after the parameters of a plan."""
    own, shared = inspect.getdoc(function) or "", inspect.getdoc(HopOptions) or ""
    options = shared.partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    md = "md\n    Metadata for the start document."
    before, section, after = own.partition(_AFTER)
    return f"{before}\n{options}\n{md}{section}{after}"


def _check_microscope(given: Any, plan: str) -> None:
    if not isinstance(given, HoppingMicroscope):
        raise ParameterError(
            f"microscope={_called(given)} is no microscope: give the whole device "
            f"first, e.g. {plan}(seccm, ...)"
        )


def _check_technique(
    plan: str, signature: inspect.Signature, args: Sequence[Any]
) -> None:
    """Name the technique, where numbers begin in its place.

    Raises
    ------
    ParameterError
        If the plan needs one, and `args` begin without.
    """
    names = list(signature.parameters)
    place = names.index("technique") if "technique" in names else 0
    if place and len(args) > place and isinstance(args[place], int | float):
        raise ParameterError(
            f"{plan} needs a technique after the microscope, and got {args[place]!r}: "
            f"give for instance {plan}(seccm, CurrentSample(potential_v=0.65), "
            f"{args[place]!r}, ...)"
        )


def _called(given: Any) -> str:
    """Name what was given: by its name, if it is a device or a function."""
    name = getattr(given, "name", None) or getattr(given, "__name__", None)
    return name if isinstance(name, str) and name else f"{given!r:.60}"


def check_unused(plan: Any, user: str) -> None:
    """Check that something is a plan of which no message has been taken yet.

    A generator that has ended gives no message any more: an engine would do nothing
    with it, and say nothing.

    Parameters
    ----------
    plan
        What was given.
    user
        What it was given to, for the message.

    Raises
    ------
    ParameterError
        If it is no plan, or one that was used before; the message says what to type.
    """
    if not isinstance(plan, Iterable):
        name = getattr(plan, "__name__", "current_map")
        raise ParameterError(
            f"{_called(plan)} is no plan: call one and give what it returns, e.g. "
            f"{user}({name}(seccm, ...))"
        )
    # bluesky's Plan has no public way to its generator
    messages = getattr(plan, "_iter", plan) if isinstance(plan, Plan) else plan
    if not inspect.isgenerator(messages):
        return
    if inspect.getgeneratorstate(messages) != inspect.GEN_CREATED:
        raise ParameterError(
            f"this plan ({messages.__name__}) has been used up by an earlier run or by "
            f"estimate: make the plan again, e.g. {user}({messages.__name__}(...))"
        )
