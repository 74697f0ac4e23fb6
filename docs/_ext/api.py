"""``public-names``: the API of a module, from its ``__all__``.

Of a device the table of its components is shown as well: which signal stands for which
PV, and whether it is recorded. The role ``name`` is that of single backticks in
docstrings: a link where the name is documented, and plain code where it is not.
"""

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from ophyd import Component, Device
from ophyd.device import DynamicDeviceComponent
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.roles import XRefRole
from sphinx.util.docutils import SphinxDirective

__all__ = ["PUBLIC_MODULES", "setup"]

PACKAGE = "seccm_ophyd"
PUBLIC_MODULES = (
    "session",
    "plans",
    "techniques",
    "analysis",
    "views",
    "replay",
    "devices",
    "storage",
    "config",
    "schema",
    "errors",
    "paper",
)
"""What users import; every name in their ``__all__`` is on a page."""
MOST_CHARACTERS = 70  # of a value in a table


class PublicNames(SphinxDirective):
    """``public-names:: seccm_ophyd.plans``: a table of the names, then each of them."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Give the documentation of the module and of its names."""
        (name,) = self.arguments
        module = importlib.import_module(name)
        text = [f".. automodule:: {name}", ""]
        text += [".. list-table::", "   :widths: auto", ""]
        for public in module.__all__:
            text += _row(f"`{public}`", _first_line(getattr(module, public)))
        for public in module.__all__:
            text += ["", *_documented(name, public, getattr(module, public))]
        return self.parse_text_to_nodes("\n".join(text), allow_section_headings=True)


def _first_line(value: Any) -> str:
    """Say in a line what it is; a constant is its value."""
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return f"``{value!r}``" if len(repr(value)) < MOST_CHARACTERS else "see below"
    return (inspect.getdoc(value) or "").partition("\n")[0]


def _documented(module: str, name: str, value: Any) -> Iterator[str]:
    """Give the directives that document a name."""
    path = f"{module}.{name}"
    if home := _home(module, name, value):
        yield from (f".. py:class:: {name}", "", f"   The same as `{home}.{name}`.")
    elif inspect.isclass(value) and issubclass(value, Device):
        yield from _device(path, value)
    elif inspect.isclass(value):
        yield from (f".. autoclass:: {path}", "   :members:")
    elif inspect.isroutine(value) or inspect.isfunction(value):
        yield f".. autofunction:: {path}"
    else:
        yield f".. autodata:: {path}"


def _home(module: str, name: str, value: Any) -> str | None:
    """Name the other public module that documents a class, if one does."""
    homes = (f"{PACKAGE}.{other}" for other in PUBLIC_MODULES)
    made_in = getattr(value, "__module__", None) or ""
    for home in homes:
        public = getattr(importlib.import_module(home), name, None) is value
        if home != module and public and made_in.startswith(home):
            return home
    return None


def _device(path: str, device: type[Device]) -> Iterator[str]:
    """Document a device: its components as a table, and its own methods."""
    yield from (f".. autoclass:: {path}", "")
    yield from (".. list-table::", "   :header-rows: 1", "   :widths: auto", "")
    yield from _row("component", "PV", "kind", "what it is")
    for name in device.component_names:
        yield from _row(f"``{name}``", *_about(getattr(device, name)))
    yield ""
    for name, member in vars(device).items():
        if _is_own(name, member):
            routine = inspect.isroutine(member)
            yield f".. {'automethod' if routine else 'autoattribute'}:: {path}.{name}"


def _is_own(name: str, member: Any) -> bool:
    """Whether it is more than what ophyd's devices have anyway."""
    if name.startswith("_") or isinstance(member, Component):
        return False
    return bool(member.__doc__) and (
        inspect.isroutine(member) or not hasattr(Device, name)
    )


def _row(first: str, *others: str) -> Iterator[str]:
    yield f"   * - {first}"
    yield from (f"     - {other}" for other in others)


def _about(component: Component) -> tuple[str, str, str]:
    if isinstance(component, DynamicDeviceComponent):
        return "", component.kind.name, "several"
    suffix = f"``{component.suffix}``" if component.suffix else ""
    name = component.cls.__name__
    text = component.doc or ""
    made_by_ophyd = "\n" in text
    return suffix, component.kind.name, f"`{name}`" if made_by_ophyd else text


class Name(XRefRole):
    """A name in a docstring."""

    def process_link(
        self,
        env: Any,
        refnode: nodes.Element,
        has_explicit_title: bool,
        title: str,
        target: str,
    ) -> tuple[str, str]:
        """Search for it beside the docstring, and mark it as no promise."""
        refnode["refdomain"], refnode["reftype"] = "py", "obj"
        refnode["py:module"] = env.ref_context.get("py:module")
        refnode["py:class"] = env.ref_context.get("py:class")
        refnode["only_where_known"] = True
        return title, target


def _not_documented(
    app: Sphinx, env: Any, node: pending_xref, content: nodes.Element
) -> nodes.Element | None:
    """Leave names of ours that are not public, and those of docstrings, as code."""
    if node.get("only_where_known") or _is_ours(node.get("reftarget", "")):
        return content
    return None


def _is_ours(target: str) -> bool:
    """Whether it names anything inside the package."""
    module, _, name = target.rpartition(".")
    if not module.startswith(PACKAGE):
        return False
    try:
        return hasattr(importlib.import_module(module), name)
    except ImportError:
        return False


def _plain_signature(
    app: Sphinx, what: str, path: str, value: Any, *signature: Any
) -> tuple[str, None] | None:
    """Show configurations without the types that hold their ranges, devices as made."""
    if inspect.isclass(value) and issubclass(value, Device):
        return "(prefix, *, name)", None
    if what != "class" or not path.startswith(f"{PACKAGE}.config."):
        return None
    arguments = inspect.signature(value)
    plain = [p.replace(annotation=p.empty) for p in arguments.parameters.values()]
    shown = arguments.replace(
        parameters=plain, return_annotation=inspect.Signature.empty
    )
    return str(shown), None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register directive and role."""
    for name in PUBLIC_MODULES:
        if not importlib.import_module(f"{PACKAGE}.{name}").__all__:
            raise ExtensionError(f"{PACKAGE}.{name} has no public names")
    app.add_directive("public-names", PublicNames)
    app.add_role("name", Name())
    app.connect("autodoc-process-signature", _plain_signature)
    app.connect("missing-reference", _not_documented)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
