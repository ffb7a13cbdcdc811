#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# build.sh OUT [compiler flags] - links fwd_bench with the data plane, with the flags that Go's build
# of it has. MAIN: the files of another program.
set -eu
cd "$(dirname "$0")/../.."
out=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cc=${CC:-cc}
flags="-std=gnu11 -D_GNU_SOURCE -O3 -g -Wall -Idataplane -Idataplane/include -Itests/bench $(pkg-config --cflags libdpdk)"
[ "$(uname -m)" = x86_64 ] && flags="$flags -march=x86-64-v2 -mtune=generic"
for f in dataplane/cgo_*.c ${MAIN:-tests/bench/fwd_*.c tests/bench/inet_table.c}; do
	# shellcheck disable=SC2086
	$cc $flags "$@" -c "$f" -o "$dir/$(basename "$f" .c).o" &
done
wait
# shellcheck disable=SC2046
$cc "$@" "$dir"/*.o -o "$out" -Wl,--no-as-needed $(pkg-config --libs libdpdk) -lrte_net_ring -lpthread -lm
