// SPDX-License-Identifier: BSD-3-Clause

// Package dataplane is the Go side of dataplane.h, and the only Go that calls C. It starts DPDK,
// gives it ports and lcores, and implements dpif.Dataplane by one C call per message.
package dataplane

/*
#cgo pkg-config: libdpdk
#cgo CFLAGS: -std=gnu11 -O3 -g -D_GNU_SOURCE -Wall -I${SRCDIR} -I${SRCDIR}/include
#cgo amd64 CFLAGS: -march=x86-64-v2 -mtune=generic
#cgo LDFLAGS: -lrte_net_ring -lpthread
*/
import "C"

import "embed"

// The C files lie in folders of their own and are compiled through cgo_*.c, which include them.
// The go command looks for changes in a package's own folder and in what the package embeds: so
// this is what makes it build an edit. Nothing reads it, and the linker leaves it out.
//
//go:embed dataplane.h dataplane_stats.h drivers include lib net
var _ embed.FS
