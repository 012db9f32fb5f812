# SPDX-License-Identifier: GPL-2.0
# bash completion for cowtrace; needs no other package's functions.
# shellcheck shell=bash disable=SC2207

_cowtrace() {
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
	-p | --pid) words=$(cd /proc && echo [0-9]*) ;;
	-c | --comm) words=$(cat /proc/[0-9]*/comm 2>/dev/null | grep -v '[^[:alnum:]_.-]' | sort -u) ;;
	--outcome)
		words="copied zero_filled reused shared_wp other file_copied thp_split thp_reused"
		words+=" thp_other hugetlb_copied hugetlb_reused hugetlb_other"
		# a list: what is before the last comma stays
		if [[ $cur == *,* ]]; then
			COMPREPLY=($(compgen -P "${cur%,*}," -W "$words" -- "${cur##*,}"))
			return
		fi ;;
	-o | --output) words=json ;;
	--cgroup | --pin | --unpin)
		compopt -o default 2>/dev/null
		return ;;
	--duration) return ;;
	*)
		words="-p -c -o -v -- --pid --children --comm --cgroup --outcome --output --hist"
		words+=" --hist=process --stacks --by-vma --pin --unpin --duration --verbose --help"
		words+=" --version" ;;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _cowtrace cowtrace
