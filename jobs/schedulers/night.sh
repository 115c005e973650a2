#!/bin/sh
# A night for schedulers that know no retries, such as cron: tried again every half hour while that
# may help, then what was missed before. The exit code is that of the night, or, where the night went
# well, of the catch-up after it.
#
# 2 and 3 need somebody to look; 4 says that the inputs are not there yet.
cd "/srv/tierline" || exit 1
exec 9> .night.lock
flock --nonblock 9 || { echo "the night before is still running" >&2; exit 5; }

tries=20
while :; do
    "/usr/local/bin/tierline" run jobs/production.toml --result-file last-run.json
    code=$?
    tries=$((tries - 1))
    case $code in
        0) break ;;
        1 | 4 | 5 | 124) [ "$tries" -gt 0 ] || exit "$code" ;;
        *) exit "$code" ;;
    esac
    sleep 1800 9>&- # who is ended here leaves no lock behind
done

# Gaps of the last 30 days, and published dates that late data changes.
exec "/usr/local/bin/tierline" backfill jobs/production.toml --gaps 30 --affected
