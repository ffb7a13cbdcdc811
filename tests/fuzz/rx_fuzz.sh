#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# rx_fuzz.sh [SECONDS [libFuzzer option ...]] - builds rx_fuzz with clang 14 under ASan and UBSan,
# makes its seeds, runs rx_smoke and rx_stress, and fuzzes (60 s). What it finds is kept in
# out/fuzz/rx: run it again with that file as the only option after the seconds.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$here/../../out/fuzz
seconds=${1:-60}
[ $# -eq 0 ] || shift
mkdir -p "$out/rx" "$out/corpus"
# packets are not aligned to words, as on every machine that Linux calls efficient at that
san="-fsanitize=address,undefined -fno-sanitize=alignment -fno-sanitize-recover=all -fno-omit-frame-pointer"
# shellcheck disable=SC2086
CC=clang-14 "$here/build.sh" "$out/rx_fuzz" "$here/rx_fuzz.c" -O1 $san -fsanitize=fuzzer
# shellcheck disable=SC2086
CC=clang-14 "$here/build.sh" "$out/rx_smoke" "$here/rx_smoke.c" -O1 $san
# shellcheck disable=SC2086
CC=clang-14 "$here/build.sh" "$out/rx_stress" "$here/rx_stress.c" -O1 $san
cc -o "$out/rx_seeds" "$here/rx_seeds.c"
"$out/rx_seeds" "$out/corpus"
# DPDK keeps what it allocates at start to the end
export ASAN_OPTIONS=detect_leaks=0
"$out/rx_smoke"
"$out/rx_stress" 10
exec "$out/rx_fuzz" -max_total_time="$seconds" -max_len=4096 -verbosity=0 -print_final_stats=1 -timeout=10 -rss_limit_mb=2048 \
	-artifact_prefix="$out/rx/" "$@" "$out/corpus"
