#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Makes a Debian 12 machine with Go into the appliance: builds, installs, reserves huge pages,
# gives the extra network cards to DPDK and starts the service. Can be run again.
set -euo pipefail
cd "${SKUA_SOURCE:-/vagrant}"

export PATH=$PATH:/usr/local/go/bin
if ! command -v go >/dev/null; then
	echo "Go is missing: install the version that go.mod names into /usr/local/go" >&2
	exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends make gcc git >/dev/null
make build

install -D -m 0755 out/skua /usr/bin/skua
install -D -m 0644 out/skua-shim.so /usr/lib/skua/skua-shim.so
install -D -m 0755 out/skua-supervise /usr/lib/skua/skua-supervise
install -D -m 0644 appliance/systemd/skua.service /etc/systemd/system/skua.service
[ -e /etc/skua/skua.toml ] || install -D -m 0644 vagrant/skua.toml /etc/skua/skua.toml
skua completion bash >/etc/bash_completion.d/skua 2>/dev/null || true

cat >/etc/sysctl.d/80-skua.conf <<'SYSCTL'
vm.nr_hugepages = 512
SYSCTL
sysctl -q --system

# Cards that Skua owns leave the kernel: vfio without an IOMMU, as most small VMs have none.
modprobe vfio-pci enable_unsafe_noiommu_mode=1 || modprobe vfio-pci
echo 1 >/sys/module/vfio/parameters/enable_unsafe_noiommu_mode 2>/dev/null || true
for pci in $(sed -n 's/^pci *= *"\(.*\)"/\1/p' /etc/skua/skua.toml); do
	dpdk-devbind.py -b vfio-pci "$pci"
done

systemctl daemon-reload
systemctl enable --now skua.service
skua stats
