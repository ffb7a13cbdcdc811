#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# build.sh OUT MAIN.c [compiler flags] - links a C test with the data plane, without Go.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
out=$1 main=$2
shift 2
objs=
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cc=${CC:-cc}
flags="-std=gnu11 -D_GNU_SOURCE -g -Wall -I$top/dataplane -I$top/dataplane/include $(pkg-config --cflags libdpdk) -march=x86-64-v2"
for f in "$top"/dataplane/cgo_*.c "$here"/router.c "$main"; do
	o=$dir/$(basename "$f" .c).o
	# shellcheck disable=SC2086
	$cc $flags "$@" -c "$f" -o "$o" &
	objs="$objs $o"
done
wait
# shellcheck disable=SC2086
$cc "$@" $objs -o "$out" -Wl,--no-as-needed $(pkg-config --libs libdpdk) -lrte_net_ring -lpthread
