#!/usr/bin/env bash
# Builds the image of a tierline that is built already, by the last stage of the Containerfile, where
# neither docker nor a registry of images answers.
#
#   ci/image.sh TIERLINE FOLDER
#   export BUILDAH_ISOLATION=chroot CONTAINERS_STORAGE_CONF=FOLDER/storage.conf
#   buildah images
#
# Needs buildah, and apt-get on a Debian that is as old as the one TIERLINE was built on: what the image
# has besides, glibc, CA certificates and who is nobody, comes from Debian's packages.
set -euo pipefail

binary=$(realpath "$1")
mkdir -p "$2"
folder=$(realpath "$2")
cd "$(dirname "$0")/.."

cat > "$folder/storage.conf" <<EOF
[storage]
driver = "vfs"
graphroot = "$folder/images"
runroot = "$folder/running"
EOF
export BUILDAH_ISOLATION=chroot CONTAINERS_STORAGE_CONF=$folder/storage.conf

# What gcr.io/distroless/cc-debian12 has.
root=$folder/base
mkdir "$folder/packages" "$root"
(cd "$folder/packages" && apt-get download --quiet=2 --option APT::Sandbox::User=root \
    base-files ca-certificates libc6 libgcc-s1 netbase)
for package in "$folder"/packages/*.deb; do
    dpkg-deb --extract "$package" "$root"
done
mkdir -p "$root/etc/ssl/certs"
cat "$root"/usr/share/ca-certificates/mozilla/*.crt > "$root/etc/ssl/certs/ca-certificates.crt"
echo "root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin" > "$root/etc/passwd"
echo "root:x:0:
nogroup:x:65534:" > "$root/etc/group"
base=$(buildah from scratch)
buildah copy --quiet "$base" "$root" / > /dev/null
buildah commit --quiet "$base" localhost/tierline-base > /dev/null
buildah rm "$base" > /dev/null

# In the place of the stage that compiles.
install -D --strip "$binary" "$folder/build/build/target/release/tierline"
install --directory "$folder/build/tiers"
version=$(cargo metadata --locked --no-deps --format-version 1 | python3 -c '
import json, sys
print(json.load(sys.stdin)["packages"][0]["version"])')
buildah build --quiet --file Containerfile --build-arg BASE=localhost/tierline-base \
    --build-context build="$folder/build" --tag "tierline:$version" "$folder/build" > /dev/null
rm -r "$folder/packages" "$root" "$folder/build"
echo "tierline:$version"
