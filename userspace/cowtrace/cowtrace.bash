# SPDX-License-Identifier: GPL-2.0
# bash completion for cowtrace; does not use functions of the bash-completion package.
# shellcheck shell=bash disable=SC2207

_cowtrace() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i words
	COMPREPLY=()
	# Behind "--" is a command: complete names of commands, then files.
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
	-C | --comm) words=$(cat /proc/[0-9]*/comm 2>/dev/null | grep -v '[^[:alnum:]_.-]' | sort -u) ;;
	--outcome | --columns)
		words="copied zero_filled reused shared_wp other file_copied thp_split thp_reused"
		words+=" thp_other hugetlb_copied hugetlb_reused hugetlb_other"
		[[ $prev == --outcome ]] ||
			words="time pid tid comm outcome address old_pfn new_pfn bytes took mapping"
		[[ $prev == --outcome || " ${COMP_WORDS[*]} " != *" --forks "* ]] ||
			words="time pid tid comm child kind took shared swap pgtables pinned hugetlb mappings caller"
		# A list: keep everything before the last comma.
		if [[ $cur == *,* ]]; then
			COMPREPLY=($(compgen -P "${cur%,*}," -W "$words" -- "${cur##*,}"))
			return
		fi ;;
	-o | --format) words=json ;;
	-G | --cgroup | --output | --flamegraph | --pin | --unpin)
		compopt -o default 2>/dev/null
		return ;;
	--duration | --count) return ;;
	*)
		words="-p -C -G -o -v -- --pid --children --comm --cgroup --outcome --format --output"
		words+=" --columns --hist --hist=process --stacks --stacks=dwarf --by-function"
		words+=" --flamegraph --lines --by-vma --merge --forks --by-caller --pin --unpin"
		words+=" --duration --count --verbose --help --version" ;;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _cowtrace cowtrace
