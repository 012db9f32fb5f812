# SPDX-License-Identifier: GPL-2.0
# bash completion for cowbench; does not use functions of the bash-completion package.
# shellcheck shell=bash disable=SC2207

_cowbench() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words
	COMPREPLY=()
	case $prev in
	--page-size) words="4k thp hugetlb" ;;
	--writer) words="child parent both" ;;
	--order) words="seq random" ;;
	-o | --format) words=json ;;
	--exec | --output | --pictures)
		compopt -o default 2>/dev/null	# complete files
		return ;;
	--size | --count | --warmup | --cpu | --share | --workers | --duration | --rate) return ;;
	cowbench)
		words="summary fork-exec fork-exit fork-write eager prefork snapshot report"
		words+=" --help --version" ;;
	*)
		words="-o --size --page-size --count --warmup --cpu --format --emulated --exec --writer"
		words+=" --share --order --workers --duration --rate --output --pictures"
		words+=" --help --version" ;;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _cowbench cowbench
