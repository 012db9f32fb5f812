# SPDX-License-Identifier: GPL-2.0
# Sourced by every script here: paths, messages, the list of kernels, and roots. A root is a Debian
# root file system in the cache: builds and tests run in it.
# shellcheck shell=bash

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${COWSTAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cowstat}
self=$(basename "$0")

say() { printf '%s: %s\n' "$self" "$*" >&2; }
die() { say "$*"; exit 1; }

# run_as_root COMMAND...: run a command as root, with sudo if we are not root.
run_as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "this needs root (or sudo): $*"
	fi
}

# have_kvm: can VMs use KVM? Some machines have a /dev/kvm, but a processor without vmx or svm.
# They cannot run a whole kernel with KVM.
have_kvm() { [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; }

# The kernel for tests that need to run on one kernel only: tests of real programs, and tests that
# need no kernel. Only its root has these programs. The demonstration also uses it.
programs_kernel=6.12

# kernels [all | any]: the names of the kernels in scripts/kernels.txt: those of every check; with
# `all` also those marked `long`; with `any` also those marked `asked`.
kernels() {
	awk -v more="${1:-}" '!/^#/ && NF && (!$4 || more == "any" || (more && $4 != "asked")) { print $1 }' \
		"$top/scripts/kernels.txt"
}

# suites: the name of the first kernel of each suite: the flavours of a suite have the same headers.
suites() { awk '!/^#/ && NF && !seen[$2]++ { print $1 }' "$top/scripts/kernels.txt"; }

# releases: the name of the first kernel of each Debian release. Backports are not a release.
releases() {
	awk '!/^#/ && NF && $4 != "asked" && $2 !~ /-backports$/ && !seen[$2]++ { print $1 }' \
		"$top/scripts/kernels.txt"
}

# kernel_field NAME N: the Nth field of a kernel's line in scripts/kernels.txt.
kernel_field() {
	awk -v name="$1" -v n="$2" '!/^#/ && $1 == name { print $n; found = 1 }
		END { exit !found }' "$top/scripts/kernels.txt" ||
		die "no kernel '$1' in scripts/kernels.txt; there are: $(kernels any | tr '\n' ' ')"
}

# debian_mirror: where the default mirrors of mmdebstrap do not serve: COWSTAT_MIRROR, or else the
# Debian mirror of this machine's own apt. Fails if there is none.
debian_mirror() {
	[ -z "${COWSTAT_MIRROR:-}" ] || { printf '%s\n' "$COWSTAT_MIRROR"; return; }
	# shellcheck disable=SC2016 # apt-get expands it
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' |
		sed -n 's,/$,,; 1p' | grep . ||
		{ say "this machine's apt has no Debian mirror; set COWSTAT_MIRROR"; return 1; }
}

# newest_release: the release of the kernel that Debian unstable has today, as `uname -r` would print
# it. Reads the mirror's list of packages with apt and files of its own, so this machine's apt is not
# touched. Fails if the mirror cannot be reached.
newest_release() {
	local apt=$cache/apt-newest mirror apt_options
	mirror=$(debian_mirror) || return 1
	mkdir -p "$apt"/{lists,archives}/partial
	printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s sid main\n' \
		"$mirror" >"$apt/sources.list"
	apt_options=(-o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=-
		-o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt" -o Dir::State::status=/dev/null
		-o Acquire::Check-Valid-Until=false -o APT::Architecture=amd64
		-o APT::Architectures::=amd64 -o APT::Update::Error-Mode=any
		-o "APT::Sandbox::User=$(id -un)")
	apt-get "${apt_options[@]}" -qq update >&2 || return 1
	apt-cache "${apt_options[@]}" show --no-all-versions linux-image-amd64 | release_of_package
}

# release_of_package: reads what apt-cache shows of linux-image-FLAVOUR; prints the release of the
# kernel that it depends on.
release_of_package() {
	sed -nE '/^Depends:/s/.*[ ,]linux-image-([0-9][^ ,]*).*/\1/p' | grep .
}

# root_dir NAME [KIND]: the folder of the root of a kernel's release. For kinds see scripts/rootfs;
# without KIND, the kind is $COWSTAT_ROOT.
root_dir() { printf '%s/%s-%s\n' "$cache" "${2:-${COWSTAT_ROOT:-build}}" "$(kernel_field "$1" 2)"; }

# kernel_config NAME: the path of the configuration that we build a kernel with. Only kernels
# that we build have such a file.
kernel_config() { printf '%s/tests/kernel/%s.config\n' "$top" "$(kernel_field "$1" 3)"; }

# built_kernel NAME: do we build it (scripts/kernel)? Then linux_dir is its source tree.
built_kernel() { [ -e "$(kernel_config "$1")" ]; }
linux_dir() { printf '%s/linux-%s\n' "$cache" "$1"; }

# builds_bpf NAME: can the BPF programs and their loader be built for it? Not where the list says
# no-bpf. runs_bpf NAME: can it run them? The kernels that we build cannot: they have no vmemmap.
builds_bpf() { [ "$(kernel_field "$1" 5)" != no-bpf ]; }
runs_bpf() { builds_bpf "$1" && ! built_kernel "$1"; }

# packaged: the first kernels of the releases that we make Debian packages for: those have the tools
# that need BPF.
packaged() {
	local name
	for name in $(releases); do
		! builds_bpf "$name" || echo "$name"
	done
}

# kernel_headers NAME: the folder of the kernel's headers, as seen by in_root.
# kernel_image NAME: the image that a VM boots, as seen by the host.
kernel_headers() {
	if built_kernel "$1"; then
		echo /mnt/linux
	else
		echo "/lib/modules/$(kernel_release "$1")/build"
	fi
}
kernel_image() {
	if built_kernel "$1"; then
		printf '%s/arch/x86/boot/bzImage\n' "$(linux_dir "$1")"
	else
		printf '%s/boot/vmlinuz-%s\n' "$(root_dir "$1")" "$(kernel_release "$1")"
	fi
}

# kernel_release NAME [KIND]: what `uname -r` prints on this kernel.
kernel_release() {
	local root flavour release
	if built_kernel "$1"; then
		cat "$(linux_dir "$1")/include/config/kernel.release"
		return
	fi
	root=$(root_dir "$@")
	flavour=$(kernel_field "$1" 3)
	for release in "$root"/lib/modules/*; do
		release=${release##*/}
		case $flavour-$release in
		amd64-*-rt-amd64 | amd64-*-cloud-amd64) ;;
		*-"$flavour") printf '%s\n' "$release"; return ;;
		esac
	done
	die "no linux-image-$flavour in $root; run scripts/rootfs $*"
}

# test_source NAME: the source of a test program for VMs; fails when there is no such test.
# test_names: the names of all test programs for VMs.
test_source() {
	local file
	for file in "$top"/tests/{system,long,debug}/"$1".c; do
		[ ! -e "$file" ] || [ "$1" = harness ] || { printf '%s\n' "$file"; return; }
	done
	return 1
}
test_names() {
	local file
	for file in "$top"/tests/{system,long,debug}/*.c; do
		file=${file##*/}
		[ "$file" = harness.c ] || printf '%s\n' "${file%.c}"
	done
}

# in_root NAME COMMAND...: run a command inside the root of a kernel's release. The root is
# read-only, and this checkout is at /mnt/cowstat.
in_root() {
	local root extra=()
	root=$(root_dir "$1")
	! built_kernel "$1" || extra=(--ro-bind "$(linux_dir "$1")" /mnt/linux)
	shift
	in_directory "$root" "${extra[@]}" "$@"
}

# in_directory ROOT COMMAND...: the same in the root ROOT.
in_directory() {
	local root=$1
	shift
	bwrap --ro-bind "$root" / --dev /dev --proc /proc --tmpfs /tmp \
		--tmpfs /mnt --bind "$top" /mnt/cowstat --chdir /mnt/cowstat \
		--setenv HOME /tmp --setenv LC_ALL C.UTF-8 \
		--setenv PATH /usr/sbin:/usr/bin:/sbin:/bin "$@"
}
