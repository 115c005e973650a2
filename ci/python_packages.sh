#!/usr/bin/env bash
# Installs the packages of ci/requirements.txt once, and prints the folder they are in.
#
# A folder instead of a virtual environment, which Debian's Python cannot make as it comes.
set -euo pipefail
cd "$(dirname "$0")/.."

sum=$(sha256sum ci/requirements.txt | cut -c1-16)
packages=$(realpath -m "${CARGO_TARGET_DIR:-target}/python-packages-$sum")
if [[ ! -d $packages ]]; then
    # Under another name until it is whole.
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
        --target "$packages.unfinished" --requirement ci/requirements.txt >&2
    mv "$packages.unfinished" "$packages"
fi
echo "$packages"
