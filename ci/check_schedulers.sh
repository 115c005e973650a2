#!/usr/bin/env bash
# Are the scheduler files that `init` writes what their programs take?
#
#   ci/check_schedulers.sh TIERLINE
#
# TIERLINE is the binary that writes them, for a job in a temporary folder. Needs Python 3.11 with pip;
# what needs a program that is not here is left out, and said. ci/check_airflow.sh has the DAG run.
set -euo pipefail

binary=$(realpath "$1")
cd "$(dirname "$0")/.."

packages=$(ci/python_packages.sh)
export PYTHONPATH=$packages PATH=$packages/bin:$PATH

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# A path with a space is one that each file has to quote.
job="$folder/my job"
mkdir -p "$job/jobs"
sed 's/^timezone = .*/timezone = "Europe\/Berlin"/' jobs/production.toml > "$job/jobs/production.toml"
"$binary" init "$job" > /dev/null
schedulers=$job/schedulers

echo "crontab"
checkcrontab --no-colors -U "$schedulers/crontab" > "$folder/crontab.txt" 2>&1 || {
    cat "$folder/crontab.txt"
    exit 1
}
shellcheck "$schedulers/night.sh"

echo "Kubernetes manifests"
kubernetes-validate --strict --quiet "$schedulers/kubernetes.yaml" "$schedulers/cluster-kubernetes.yaml"

echo "Airflow DAG"
python3 -m py_compile "$schedulers/airflow_dag.py"

echo "container files"
hadolint Containerfile "$schedulers/Containerfile"
check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml "$schedulers/cluster-compose.yaml"
if docker info > /dev/null 2>&1; then
    docker build --quiet --file Containerfile --tag tierline:0.1.0 .
    docker build --quiet --file "$schedulers/Containerfile" --tag tierline-production "$job"
elif command -v buildah > /dev/null && unshare --mount true 2> /dev/null; then
    ci/image.sh "$binary" "$folder/images"
    export BUILDAH_ISOLATION=chroot CONTAINERS_STORAGE_CONF=$folder/images/storage.conf
    buildah build --quiet --file "$schedulers/Containerfile" --tag tierline-production "$job" > /dev/null
    container=$(buildah from tierline-production)
    in_image=(buildah run "$container" -- "$(buildah inspect --format '{{index .OCIv1.Config.Entrypoint 0}}' "$container")")
    "${in_image[@]}" check jobs/production.toml
    "${in_image[@]}" demo /tmp/demo --users 100 --nights 2 > /dev/null
    [[ $(stat --format %u "$(buildah mount "$container")/tmp/demo") == 65534 ]]
else
    echo "NOT DONE, since neither docker nor buildah works here: building the images"
fi

echo "systemd units"
if command -v systemd-analyze > /dev/null; then
    # Its exit code does not tell warnings, and it speaks of other units, too.
    units=("$schedulers"/tierline*.service "$schedulers/tierline.timer")
    systemd-analyze verify "${units[@]}" > "$folder/units.txt" 2>&1 || true
    if grep tierline "$folder/units.txt"; then
        exit 1
    fi
    systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' "$schedulers/tierline.timer")" > /dev/null
else
    echo "NOT DONE, since systemd-analyze is not here: the units"
fi
