# SPDX-License-Identifier: GPL-2.0
# bash completion for cowstat; needs no other package's functions.
# shellcheck shell=bash disable=SC2207

_cowstat() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i words
	COMPREPLY=()
	# what follows "--" is a command: it completes as commands and files do
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -- ]] || continue
		if ((i == COMP_CWORD - 1)); then
			COMPREPLY=($(compgen -c -- "$cur"))
		else
			compopt -o default 2>/dev/null	# files, as bash completes them
		fi
		return
	done
	case $prev in
	--against) words=$(cd /proc && echo [0-9]*) ;;
	-p | --pid) words="SELF ALL $(cd /proc && echo [0-9]*)" ;;
	-C | --comm) words=$(sed 1,2d /proc/cowstat 2>/dev/null | awk '{ print $NF }' | grep -v '[\\*-]') ;;
	-G | --cgroup)
		COMPREPLY=($(cd /sys/fs/cgroup 2>/dev/null && compgen -d -S / -- "${cur#/}" | sed 's|^|/|'))
		return ;;
	-s | --sort) words=$(sed -n '2s/^# //p' /proc/cowstat 2>/dev/null) ;;
	--columns) words="thp hugetlb ksm pinned file $(sed -n '2s/^# //p' /proc/cowstat 2>/dev/null)" ;;
	-o | --format) words=json ;;
	--by) words="cgroup comm uid" ;;
	--source) words="proc bpf auto" ;;
	--textfile | --output | --picture | --web.config.file)
		compopt -o default 2>/dev/null
		return ;;
	bpf) words="load unload" ;;
	doctor) words="--load --source" ;;
	load) words="--max-rows --verbose" ;;
	workers) words="-p --pid -o --format --output --picture --source --help" ;;
	diff) words="-p --pid --against -o --format --output --picture --source --help" ;;
	-n | --top | --max-rows | --listen | --for | --window) return ;;
	*)
		# serve has options of its own
		[[ ${COMP_WORDS[1]} != serve ]] || {
			COMPREPLY=($(compgen -W "--listen --web.config.file --source --help" -- "$cur"))
			return
		}
		words="doctor top forecast diff workers serve bpf -a -p -C -G -n -s -t -T -H -l -o --"
		words+=" --all --pid --comm --cgroup --top --sort --columns --totals --forks --tree --by"
		words+=" --smaps --time"
		words+=" --absolute --command-line --human --format --openmetrics --textfile --output"
		words+=" --amplification --load --source --help --version"
		[[ ${COMP_WORDS[1]} != forecast || $COMP_CWORD == 1 ]] ||
			words="-p --pid --for --window --split-huge --picture -o --format --openmetrics --output --source --help" ;;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _cowstat cowstat
