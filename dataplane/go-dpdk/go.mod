// SPDX-License-Identifier: BSD-3-Clause
module github.com/yerden/go-dpdk

go 1.19
