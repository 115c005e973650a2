#!/usr/bin/env bash
# Installs the packages of ci/requirements.txt, or of the file given, once, and prints the folder they are in.
#
# A folder instead of a virtual environment, which Debian's Python cannot make as it comes.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=${1:-ci/requirements.txt}
sum=$(sha256sum "$requirements" | cut -c1-16)
packages=$(realpath -m "${CARGO_TARGET_DIR:-target}/python-packages-$sum")
if [[ ! -d $packages ]]; then
    # Under another name until it is whole.
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
        --target "$packages.unfinished" --requirement "$requirements" >&2
    mv "$packages.unfinished" "$packages"
fi
echo "$packages"
