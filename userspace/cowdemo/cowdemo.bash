# SPDX-License-Identifier: GPL-2.0
# bash completion for cowdemo; does not use functions of the bash-completion package.
# shellcheck shell=bash disable=SC2207

_cowdemo() {
	COMPREPLY=()
	[[ ${COMP_WORDS[COMP_CWORD - 1]} != --size ]] || return
	COMPREPLY=($(compgen -W "--step --size --help --version" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _cowdemo cowdemo
