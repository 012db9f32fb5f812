#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The list of kernels as the scripts read it, and the word `newest`: which kernel Debian unstable has,
# and when its root is made again. The mirror and mmdebstrap are replaced by small scripts.
export COWSTAT_CACHE COWSTAT_MIRROR=http://mirror.example/debian
COWSTAT_CACHE=$(mktemp -d)
trap 'rm -rf "$COWSTAT_CACHE"' EXIT
. "$(dirname "$0")/../../scripts/common.sh"
set +e

n=0 failed=0
is() { # GOT WANT WHAT
	n=$((n + 1))
	if [ "$1" = "$2" ]; then
		echo "ok $n - $3"
	else
		failed=1
		printf 'not ok %s - %s: got "%s", not "%s"\n' "$n" "$3" "$1" "$2"
	fi
}
has() { # TEXT PART WHAT
	is "$([[ $1 == *$2* ]] && echo yes || printf '%s' "$1")" yes "$3"
}

is "$(kernels | grep -cxE '7.3|newest')" 0 "make check leaves out kernels marked long or asked"
is "$(kernels all | grep -cxE '7.3|newest')" 1 "check-long has 7.3, and not newest"
is "$(kernels any | grep -cxE '7.3|newest')" 2 "both can be named"
is "$(releases | grep -cxE '7.3|newest')" 0 "neither is a Debian release with packages of ours"
is "$(suites | grep -cxE '7.3|newest')" 2 "both have headers of their own"
is "$(root_dir newest)" "$COWSTAT_CACHE/build-newest" "newest has a root of its own"
is "$(root_dir 7.3)" "$COWSTAT_CACHE/build-trixie-backports" "and so has 7.3"

# What the mirror has is in the file `has`; without this file there is no mirror.
bin=$COWSTAT_CACHE/bin
mkdir "$bin"
printf '#!/bin/sh\n[ -e "$COWSTAT_CACHE/has" ]\n' >"$bin/apt-get"
printf '#!/bin/sh\ncat "$COWSTAT_CACHE/has"\n' >"$bin/apt-cache"
cat >"$bin/mmdebstrap" <<'MAKE'
#!/bin/bash
while [[ $1 == --* ]]; do shift; done
echo "$@" >"$COWSTAT_CACHE/made"
mkdir -p "$2/lib/modules/$(sed -n 's/.*linux-image-\([^ ]*\) .*/\1/p' "$COWSTAT_CACHE/has")"
MAKE
printf '#!/bin/sh\nexec "$@"\n' >"$bin/sudo"
chmod +x "$bin"/*
export PATH=$bin:$PATH

unstable_has() {
	cat >"$COWSTAT_CACHE/has" <<-PACKAGE
		Package: linux-image-amd64
		Version: ${1%%+*}-1
		Depends: linux-base-amd64 (= ${1%%+*}-1), linux-image-$1 (= ${1%%+*}-1)
		Description: Linux for 64-bit PCs (meta-package)
	PACKAGE
}
make_root() { # said: what scripts/rootfs says; made: what mmdebstrap was told to make
	rm -f "$COWSTAT_CACHE/made"
	said=$("$top/scripts/rootfs" newest 2>&1)
	status=$?
	made=$(cat "$COWSTAT_CACHE/made" 2>/dev/null)
}

make_root
is "$status" 1 "no mirror and no root: an error"
has "$said" "no mirror tells which kernel Debian unstable has" "which says so"
unstable_has 7.2.13+deb14-amd64
is "$(newest_release)" 7.2.13+deb14-amd64 "which kernel unstable has"
is "$(cut -d' ' -f3- "$COWSTAT_CACHE/apt-newest/sources.list")" "http://mirror.example/debian sid main" "asked of the mirror"
make_root
is "$made" "sid $COWSTAT_CACHE/build-newest.new $COWSTAT_MIRROR" "its root is made of sid"
has "$said" "Debian unstable has Linux 7.2.13+deb14-amd64 today" "and it is said which kernel it has"
is "$(kernel_release newest)" 7.2.13+deb14-amd64 "the release of newest is that one"
make_root
is "$made" "" "the same kernel: the root stays"
unstable_has 7.4.1-amd64
make_root
has "$made" "build-newest.new" "a newer kernel: it is made again"
has "$said" "Debian unstable has Linux 7.4.1-amd64 today" "and it is said which"
is "$(kernel_release newest)" 7.4.1-amd64 "the release has changed"
rm "$COWSTAT_CACHE/has"
make_root
is "$status $made" "0 " "the mirror is gone: the root stays"
has "$said" "Linux 7.4.1-amd64 stays" "and it is said"
echo "Depends: linux-base" >"$COWSTAT_CACHE/has"
is "$(newest_release; echo $?)" 1 "a package without a kernel: no answer"
echo "1..$n"
exit $failed
