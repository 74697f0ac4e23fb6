#!/usr/bin/env bash
# yadg 7.0.1 reads an EC-Lab text export (.mpt) whose decimal sign is a comma, as EC-Lab
# writes it on computers of most of Europe, ten million times too large and says nothing:
# unless a locale is given it takes the comma for a separator of thousands.
# Seen: Ewe/V 8,7869531E-001 becomes 8786953.1 V; with locale="de_DE" it is 0.87869531 V.
# Whoever reads such files must find out the decimal sign from the file itself.
# Exit 0: still so. Exit 1: the behaviour has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "yadg==7.0.1" "numpy==2.4.6" "xarray==2026.9.0"
cd "$place"
venv/bin/python - <<'PYTHON'
import logging
from pathlib import Path

logging.disable(logging.WARNING)
from yadg.extractors import extract

columns = ["mode", "time/s", "control/V", "Ewe/V", "<I>/mA"]
rows = [
    ["2", "0,000000000E+000", "8,7894440E-001", "8,7869531E-001", "-2,6043250E-003"],
    ["2", "1,000000000E+000", "-1,2340000E-001", "-1,2345678E-001", "1,7811057E-002"],
]
lines = ["EC-Lab ASCII FILE", "Nb header lines : 3"]
lines += ["\t".join(row) for row in (columns, *rows)]
Path("cv.mpt").write_text("\n".join(lines) + "\n", encoding="latin-1")


def potential(**options):
    tree = extract("eclab.mpt", Path("cv.mpt"), timezone="UTC", **options)
    found = tree.to_dataset()["Ewe"]
    return found.attrs["units"], [float(value) for value in found]


plain, told = potential(), potential(locale="de_DE")
print("no locale     ", plain)
print("locale='de_DE'", told)
assert told == ("V", [0.87869531, -0.12345678]), "changed"
assert plain == ("V", [8786953.1, -1234567.8]), "changed"
PYTHON
echo "yadg 7.0.1: a decimal comma is still read as a separator of thousands"
