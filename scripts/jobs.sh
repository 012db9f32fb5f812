# SPDX-License-Identifier: GPL-2.0
# Sourced by scripts/check and scripts/check-long: jobs, each a file of tests for prove(1).
# A job runs its tests on one kernel. A separate job, which must finish first, builds what the
# tests of that kernel need. Jobs run at the same time, the longest first.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# jobs_begin NAME TEST...: the files of jobs go to build/NAME. With TESTs, only these jobs run.
jobs_begin() {
	jobs_dir=$top/build/$1
	shift
	jobs=() jobs_kernels=() jobs_wanted=("$@")
	mkdir -p "$jobs_dir"
	rm -f "$jobs_dir"/*.{t,built}
}

declare -A jobs_targets

# wanted NAME: is this job, or kind of job, to run?
wanted() {
	local name
	[ ${#jobs_wanted[@]} -gt 0 ] || return 0
	for name in "${jobs_wanted[@]}"; do
		[ "$name" != "$1" ] || return 0
	done
	return 1
}

# job SECONDS NAME KERNEL TARGETS COMMAND: run COMMAND, which writes TAP, in this checkout, once
# the make(1) TARGETS are built for KERNEL. SECONDS is how long it takes on two CPUs without KVM:
# only the order of the jobs depends on it. If KERNEL is -, nothing is built before.
job() {
	jobs+=("$1 $2")
	[ "$3" = - ] || [ -n "${jobs_targets[$3]+set}" ] || { jobs_kernels+=("$3"); jobs_targets[$3]=; }
	[ "$3" = - ] || jobs_targets[$3]+=" $4"
	cat >"$jobs_dir/$2.t" <<-JOB
		. "$top/scripts/jobs.sh"
		job_run "$jobs_dir" $2 $3 $(printf %q "$5")
	JOB
}

# jobs_run N: build and run all jobs, N at a time. If N is "", run one per CPU, but at least two.
# Fails if a job failed.
jobs_run() {
	local kernel targets files=() at_a_time memory
	for kernel in "${jobs_kernels[@]}"; do
		# shellcheck disable=SC2086
		targets=$(printf '%s\n' ${jobs_targets[$kernel]} | sort -u | tr '\n' ' ')
		cat >"$jobs_dir/build-$kernel.t" <<-JOB
			. "$top/scripts/jobs.sh"
			job_build "$jobs_dir" $kernel "$targets"
		JOB
		files+=("build-$kernel.t")
	done
	mapfile -t -O ${#files[@]} files < <(printf '%s.t\n' "${jobs[@]}" | sort -srn -k1,1 | cut -d' ' -f2)
	# A VM has 3 GB.
	memory=$(($(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo) / 3000000))
	at_a_time=$(nproc)
	[ "$at_a_time" -le "$memory" ] || at_a_time=$memory
	[ "$at_a_time" -ge 2 ] || at_a_time=2
	(cd "$jobs_dir" && prove --timer --jobs "${1:-$at_a_time}" --exec bash "${files[@]}")
}

# --- in the process of a job --------------------------------------------------

# job_build FOLDER KERNEL TARGETS
job_build() {
	local status=0
	set +e
	if [ -n "${3// /}" ]; then
		# shellcheck disable=SC2086
		"$top/scripts/build" "$2" $3 >"$1/build-$2.log" 2> >(tee -a "$1/build-$2.log" | sed -un 's/^[a-z]*: /# &/p' >&2)
	else
		"$top/scripts/rootfs" "$2"
	fi
	status=$?
	echo "$status" >"$1/$2.built"
	[ "$status" = 0 ] || { printf 'not '; tail -n 40 "$1/build-$2.log" | sed 's/^/# /' >&2; }
	echo "ok 1 - root and build for $2"
	echo 1..1
	exit "$status"
}

# job_run FOLDER NAME KERNEL COMMAND: run COMMAND. Its stdout is kept in FOLDER/NAME.txt, its stderr
# in FOLDER/NAME.log. Lines that begin with # are progress: they are shown at once.
job_run() {
	if [ "$3" != - ]; then
		until [ -s "$1/$3.built" ]; do sleep 1; done
		[ "$(cat "$1/$3.built")" = 0 ] || { echo "Bail out! the build for $3 failed"; exit 1; }
	fi
	cd "$top" || exit 1
	(eval "$4") 2> >(tee "$1/$2.log" >&2) | tee "$1/$2.txt" | sed -u '/^#/w /dev/stderr'
}
