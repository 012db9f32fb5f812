// SPDX-License-Identifier: GPL-2.0
/* Attach the programs of empty.bpf.c until SIGINT. */
#include <err.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

#include "empty.skel.h"
#include "peer.h"

int main(void)
{
	struct empty_bpf *skel;
	sigset_t stop = peer_begin();

	libbpf_set_print(NULL);
	skel = empty_bpf__open_and_load();
	if (!skel)
		errx(EXIT_FAILURE, "the programs do not load");
	/* Not by empty_bpf__attach(): one of the last two is enough. */
	skel->links.cleared = bpf_program__attach(skel->progs.cleared);
	if (!skel->links.cleared)
		skel->links.cleared_kprobe = bpf_program__attach(skel->progs.cleared_kprobe);
	skel->links.entry = bpf_program__attach(skel->progs.entry);
	if (!skel->links.entry || (!skel->links.cleared && !skel->links.cleared_kprobe))
		errx(EXIT_FAILURE, "the programs cannot be attached");
	peer_wait(&stop);
	empty_bpf__destroy(skel);
	return EXIT_SUCCESS;
}
