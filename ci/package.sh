#!/usr/bin/env bash
# Makes what a release hands out: an archive of the binary with its man pages and completions, a .deb,
# a wheel, a container image for `docker load`, and their checksums.
#
#   ci/package.sh [FOLDER] [PROFILE]       dist and release; `dev` is for a quick try
#
# Needs cargo, Python 3 with pip, dpkg-deb, and what ci/image.sh needs.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(realpath -m "${1:-dist}")
profile=${2:-release}
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
version=$(cargo metadata --locked --no-deps --format-version 1 | python3 -c '
import json, sys
print(json.load(sys.stdin)["packages"][0]["version"])')
machine=$(uname -m)
rm -rf "$folder"
mkdir -p "$folder"
made=$(mktemp -d)
trap 'rm -rf "$made" ci/package/licenses' EXIT

# The two places of one binary: cargo calls the profile dev and its folder debug.
cargo build --locked --profile "$profile" --bin tierline
built=$target/$([[ $profile == dev ]] && echo debug || echo "$profile")/tierline

# As it lies below /usr, which the archive and the .deb share.
root=$made/root
install -D "$built" "$root/usr/bin/tierline"
[[ $profile != dev ]] || strip "$root/usr/bin/tierline"
"$built" man "$root/usr/share/man/man1"
gzip --no-name --best "$root"/usr/share/man/man1/*.1
mkdir -p "$root"/usr/share/{bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d}
"$built" completions bash > "$root/usr/share/bash-completion/completions/tierline"
"$built" completions zsh > "$root/usr/share/zsh/vendor-completions/_tierline"
"$built" completions fish > "$root/usr/share/fish/vendor_completions.d/tierline.fish"
install -D --mode=644 LICENSE "$root/usr/share/doc/tierline/copyright"
install -D --mode=644 CHANGELOG.md "$root/usr/share/doc/tierline/CHANGELOG.md"
install -D --mode=644 src/report/assets/licenses/* --target-directory="$root/usr/share/doc/tierline/licenses"
tar --create --gzip --sort=name --owner=0 --group=0 --directory="$root/usr" \
    --file="$folder/tierline-$version-$machine-linux.tar.gz" .

mkdir "$root/DEBIAN"
cat > "$root/DEBIAN/control" <<EOF
Package: tierline
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: the tierline developers <tierline@localhost>
Section: database
Priority: optional
Depends: libc6 (>= $(objdump -T "$root/usr/bin/tierline" | grep -o 'GLIBC_[0-9.]*' | sort --version-sort --unique | tail -1 | cut -d_ -f2))
Recommends: ca-certificates, tzdata
Description: nightly user-tiering job
 Reads partitioned Parquet of orders and engagement, and publishes a dated snapshot of every
 user's tiers and who moved, as Delta tables that any BI tool opens.
EOF
dpkg-deb --root-owner-group --build "$root" "$folder" > /dev/null

# maturin finds the binary built, and packs it with the licences of what is in it.
install -D --mode=644 LICENSE src/report/assets/licenses/* --target-directory=ci/package/licenses
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
    --target "$made/maturin" 'maturin>=1.8,<2'
(cd ci/package && CARGO_TARGET_DIR=$target PYTHONPATH=$made/maturin "$made/maturin/bin/maturin" build --quiet \
    --profile "$profile" --compatibility linux --out "$folder")

image=$(ci/image.sh "$built" "$made/image")
CONTAINERS_STORAGE_CONF=$made/image/storage.conf buildah push --quiet "$image" \
    "docker-archive:$folder/tierline-$version-$machine-image.tar:$image"

(cd "$folder" && sha256sum -- * > SHA256SUMS && cat SHA256SUMS)
