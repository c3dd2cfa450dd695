#!/usr/bin/env bash
# Runs IXGSTest and the user guide's console example in a real 3D Slicer, and takes pictures of it.
# The Slicer needs the packages of IXGS; press Apply once in its module to have them installed.
# usage: Testing/run_in_slicer.sh SLICER_EXECUTABLE [FOLDER_FOR_PICTURES]
set -euo pipefail
slicer=${1:?usage: Testing/run_in_slicer.sh SLICER_EXECUTABLE [FOLDER_FOR_PICTURES]}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export IXGS_SCREENSHOTS=${2:-$root/build/slicer}
mkdir -p "$IXGS_SCREENSHOTS"
"$slicer" --no-splash --additional-module-paths "$root/IXGS" --python-script "$root/Testing/panel/in_slicer.py"
echo "Pictures: $IXGS_SCREENSHOTS"
