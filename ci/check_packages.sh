#!/usr/bin/env bash
# Installs what `ci/package.sh` has made, where there is no Rust, and has it run.
#
#   ci/check_packages.sh [FOLDER]          dist
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(realpath "${1:-dist}")
tried=$(mktemp -d)
trap 'rm -rf "$tried"' EXIT
(cd "$folder" && sha256sum --quiet --check SHA256SUMS)

# A folder instead of a virtual environment, which Debian's Python cannot make as it comes.
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-index \
    --target "$tried/wheel" "$folder"/*.whl
test -f "$tried"/wheel/tierline-*.dist-info/licenses/licenses/echarts-LICENSE
mkdir "$tried/archive" "$tried/deb"
tar --extract --directory="$tried/archive" --file "$folder"/tierline-*-linux.tar.gz
dpkg-deb --extract "$folder"/tierline_*.deb "$tried/deb"
for binary in "$tried/wheel/bin/tierline" "$tried/archive/bin/tierline" "$tried/deb/usr/bin/tierline"; do
    work=$(mktemp -d --tmpdir="$tried")
    without_rust=(env --ignore-environment PATH=/usr/bin:/bin HOME="$work" TMPDIR="$work" "$binary")
    "${without_rust[@]}" demo "$work/demo" --users 300 --nights 2 > "$work/told"
    "${without_rust[@]}" report "$work/demo/jobs/demo.toml" --output "$work/page.html"
    grep --quiet 'id="figures"' "$work/page.html"
    echo "ok: ${binary#"$tried/"}, $("${without_rust[@]}" --version)"
done

image=(buildah --storage-driver vfs --root "$tried/images" --runroot "$tried/running")
container=$("${image[@]}" from docker-archive:"$(echo "$folder"/tierline-*-image.tar)")
in_image=("${image[@]}" run --isolation chroot "$container" -- /usr/local/bin/tierline)
"${in_image[@]}" demo --users 300 --nights 2 > /dev/null
"${in_image[@]}" report tierline-demo/jobs/demo.toml --output tierline-demo/page.html
grep --quiet 'id="figures"' "$("${image[@]}" mount "$container")/tiers/tierline-demo/page.html"
echo "ok: the image, $("${in_image[@]}" --version)"
gzip --test "$tried"/deb/usr/share/man/man1/tierline.1.gz
