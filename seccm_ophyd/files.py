"""Files and folders as arguments of a command line."""

import argparse
import os
from pathlib import Path

__all__ = ["folder_name", "new_file", "picture"]

PICTURES = (".png", ".pdf", ".svg", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".eps")


def folder_name(text: str) -> Path:
    """Check the name of a folder, which need not exist."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} must be the name of a folder")
    return Path(text).expanduser()


def new_file(text: str) -> Path:
    """Check the name of a file to write, before the work for it is done."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} must be the name of a file")
    path = Path(text).expanduser()
    if path.is_dir():
        raise argparse.ArgumentTypeError(
            f"{text!r} is a folder: add the name of a file"
        )
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(
            f"{text!r} cannot be written: there is no folder {str(path.parent)!r}"
        )
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text!r} cannot be written: no permission")
    return path


def picture(text: str) -> Path:
    """Check the name of a picture to write; its ending says the format."""
    path = new_file(text)
    if path.suffix.lower() not in PICTURES:
        raise argparse.ArgumentTypeError(
            f"{text!r} must be the name of a picture, ending in {', '.join(PICTURES)}"
        )
    return path
