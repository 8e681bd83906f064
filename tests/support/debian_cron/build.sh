#!/bin/sh
# Builds debian-cron in the current folder: sh build.sh SOURCES, an unpacked source package of cron.
#   apt-get source cron && sh tests/support/debian_cron/build.sh cron-3.0pl1
# (where no patches were applied: for each name in debian/patches/series, patch -p1 < debian/patches/NAME)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
sources=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags="-w -DDEBUGGING=0 -I$sources -D_GNU_SOURCE"
for name in cron entry env misc; do
    main=$([ "$name" = cron ] && echo -Dmain=cron_main || true)
    (cd "$sources" && cc $flags $main -c "$name.c" -o "$work/$name.o")
done
cc $flags -c "$here/harness.c" -o "$work/harness.o"
wrapped=
for name in time sleep access log_it acquire_daemonlock set_cron_uid set_cron_cwd; do
    wrapped="$wrapped -Wl,--wrap=$name"
done
cc "$work"/*.o $wrapped -o debian-cron
