"""``python -m seccm_ophyd.cli``, as ``seccm``."""

import sys

from .main import main

if __name__ == "__main__":
    sys.exit(main())
