#!/usr/bin/env bash
# caproto 1.3.0 (server): EPICS_CAS_AUTO_BEACON_ADDR_LIST=NO with an empty EPICS_CAS_BEACON_ADDR_LIST means to
# EPICS base (rsrv) that no beacon is sent. caproto broadcasts beacons all the same: get_beacon_address_list()
# gives 255.255.255.255 unless the list has an address. Seen: [('255.255.255.255', 5065)].
# Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install "caproto==1.3.0"
EPICS_CAS_AUTO_BEACON_ADDR_LIST=NO EPICS_CAS_BEACON_ADDR_LIST="" \
    "$folder/venv/bin/python" - <<'PYTHON'
import caproto

print(f"caproto {caproto.__version__}, AUTO_BEACON_ADDR_LIST=NO, an empty list:")
found = caproto.get_beacon_address_list()
print(f"get_beacon_address_list() -> {found}")
assert found == [("255.255.255.255", 5065)], "it has changed: no broadcast any more"
PYTHON
