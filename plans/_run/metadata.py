"""Metadata of the user: what they may say, checked before a run opens."""

from collections.abc import Mapping
from typing import Any

from event_model import DocumentNames, schema_validators
from jsonschema import ValidationError

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.schema import GRID, OWN_METADATA, TECHNIQUES
from seccm_ophyd.storage.journal.kept import check_kept

__all__ = ["check_metadata", "check_start"]

_LARGEST_SCAN_ID = 10**18 - 1
# Complete with these, metadata are a start document.
_START = {"uid": "", "time": 0.0}
_TYPES = {
    "string": "a text",
    "object": "a dict",
    "array": "a list",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "True or False",
}


def check_metadata(md: Any, name: str = "md") -> dict[str, Any]:
    """Check the metadata that a user has given for a run.

    Parameters
    ----------
    md
        Their dict, or None. ``plan_name`` and ``scan_id`` may be in it, as for
        Bluesky's own plans; what `seccm_ophyd.schema.OWN_METADATA` holds may not.
    name
        What the user calls it, for the message.

    Returns
    -------
    dict
        A copy of it.

    Raises
    ------
    ParameterError
        If it is no dict, holds a name that is not free, or a value that no document can
        hold; the message names the key.
    """
    if md is None:
        return {}
    if not isinstance(md, Mapping):
        raise ParameterError(
            f"{name}={md!r:.80} must be a dict, e.g. {name}={{'operator': 'Ada'}}"
        )
    check_kept(md)
    taken = [key for key in md if key in OWN_METADATA]
    if taken:
        names = ", ".join(map(repr, taken))
        raise ParameterError(
            f"{name} has {names}, which the plan itself records: give it another name, "
            f"e.g. 'my_{taken[0]}'"
        )
    _check_names(md, name)
    return dict(md)


def _check_names(md: Mapping[str, Any], name: str) -> None:
    """Check the names that mean something to Bluesky."""
    scan_id, plan_name = md.get("scan_id", 1), md.get("plan_name", "plan")
    if type(scan_id) is not int or not 1 <= scan_id <= _LARGEST_SCAN_ID:
        raise ParameterError(
            f"{name}['scan_id']={scan_id!r:.80} must be a whole number (int) from 1 to "
            f"{_LARGEST_SCAN_ID}"
        )
    if not isinstance(plan_name, str) or not plan_name.strip():
        raise ParameterError(
            f"{name}['plan_name']={plan_name!r:.80} must be a text, e.g. 'my_map'"
        )
    validator = schema_validators[DocumentNames.start]
    error = next(validator.iter_errors({**_START, **md}), None)
    if error is not None:
        where = "".join(f"[{key!r}]" for key in error.absolute_path)
        raise ParameterError(
            f"{name}{where}={error.instance!r:.80} is not what Bluesky's documents "
            f"hold under this name: give {_wanted(error)}"
        )


def _wanted(error: ValidationError) -> str:
    """Say in words what the schema of documents asks for."""
    reasons = error.context or [error]
    types = [_TYPES.get(e.validator_value) for e in reasons if e.validator == "type"]
    known = " or ".join(name for name in types if name)
    return known or f"something else ({error.message:.80})"


def check_start(md: Mapping[str, Any]) -> None:
    """Check what hopping plans record, in the start document of any plan.

    For metadata that came another way than `check_metadata` sees: of plans of others
    (``bp.count(..., md=...)``) or by ``bpp.inject_md_wrapper``.

    Parameters
    ----------
    md
        All of the metadata of a run that is about to open.

    Raises
    ------
    ParameterError
        If `TECHNIQUES` or `GRID` is not what a hopping plan writes there.
    """
    techniques, grid = md.get(TECHNIQUES, []), md.get(GRID, {"x": {}, "y": {}})
    good = {
        TECHNIQUES: isinstance(techniques, list | tuple)
        and all(isinstance(t, Mapping) and "technique" in t for t in techniques),
        GRID: isinstance(grid, Mapping) and {"x", "y"} <= grid.keys(),
    }
    for name in (name for name, is_ours in good.items() if not is_ours):
        raise ParameterError(
            f"{name}={md[name]!r:.80} is not what hopping plans record there: "
            f"give it another name, e.g. 'my_{name}'"
        )
