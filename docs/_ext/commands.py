"""``command-help``: what a command prints when it is asked for help."""

import contextlib
import io

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from seccm_ophyd.cli import main

__all__ = ["help_of", "setup"]


def help_of(arguments: list[str]) -> str:
    """Return what ``seccm ARGUMENTS --help`` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main([*arguments, "--help"])
    return printed.getvalue().rstrip()


class CommandHelp(SphinxDirective):
    """``command-help:: show``: the help of ``seccm show``; without a name of all."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Give a literal block."""
        text = help_of(self.arguments[0].split() if self.arguments else [])
        block = nodes.literal_block(text, text, language="text")
        return [block]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
