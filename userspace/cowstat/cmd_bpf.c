// SPDX-License-Identifier: GPL-2.0
/*
 * Load and unload the BPF programs that count. All of them are pinned in COWSTAT_BPF_DIR, so no
 * process of ours has to keep running. The file `table` is the link of the iterator, the others
 * are the links of the counting programs.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf_load.h"
#include "cmd_bpf.h"
#include "cow.h"
#include "cowstat.skel.h"
#include "format.h"
#include "row.h"
#include "usage.h"

#define DEFAULT_ROWS	8192

static void usage(FILE *to)
{
	fputs("usage: cowstat bpf load [-m ROWS] [-v] | cowstat bpf unload\n"
	      "Count copy-on-write with BPF programs, without the module. The table is then\n" COWSTAT_BPF_TABLE
	      ", which root can read; cowstat --source bpf shows it.\n"
	      "  -m, --max-rows ROWS   how many processes can have a row at a time (8192)\n"
	      "  -v, --verbose         also print what the verifier did with each program\n",
	      to);
}

static int attach_table(struct cowstat_bpf *skel, char *why, size_t len)
{
	union bpf_iter_link_info info = {
		.map.map_fd = bpf_map__fd(skel->maps.rows),
	};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	struct bpf_link *link = bpf_program__attach_iter(skel->progs.table, &opts);
	int ret = link ? bpf_link__pin(link, COWSTAT_BPF_TABLE) : -errno;

	if (ret)
		snprintf(why, len, "cannot pin %s: %s", COWSTAT_BPF_TABLE, strerror(-ret));
	bpf_link__destroy(link);
	return ret;
}

/* Tell the program of the table which programs are ours, so that it can add up skipped calls. */
static int watch_skipped(struct cowstat_bpf *skel, const struct bpf_set *set, char *why, size_t len)
{
	struct bpf_link *link;
	int fd, ret;
	size_t i;
	char c;

	/* count a program once, even if it is attached in several places */
	for (i = 0; i < set->nr; i++)
		if (!i || set->program[i] != set->program[i - 1])
			skel->bss->programs[i].id = bpf_load_id(set->program[i]);
	link = bpf_program__attach_iter(skel->progs.find_programs, NULL);
	fd = link ? bpf_iter_create(bpf_link__fd(link)) : -errno;
	ret = fd < 0 ? fd : read(fd, &c, sizeof(c)) < 0 ? -errno : 0; /* it prints nothing */
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	if (ret)
		snprintf(why, len, "cannot look at the BPF programs: %s", strerror(-ret));
	return ret;
}

static int start(struct cowstat_bpf *skel, struct bpf_set *set, uint32_t max_rows, char *why,
		 size_t len)
{
	uint32_t nr_sums = row_nr_sums(max_rows);
	struct timespec now;
	char ignored[64];
	int ret;

	ret = bpf_load_choose(set, why, len);
	if (ret)
		return ret;
	skel->rodata->nr_cpus = libbpf_num_possible_cpus();
	skel->rodata->max_rows = max_rows;
	skel->rodata->hooks = set->hooks;
	skel->rodata->nr_sums = nr_sums;
	bpf_map__set_max_entries(skel->maps.rows, max_rows + ROW_SUM_KINDS * nr_sums);
	bpf_map__set_max_entries(skel->maps.sum_of, ROW_SUM_KINDS * nr_sums);
	bpf_map__set_max_entries(skel->maps.named_sums, nr_sums);
	bpf_map__set_max_entries(skel->maps.cgroup_sums, nr_sums);
	bpf_map__set_max_entries(skel->maps.index_of, max_rows);
	bpf_map__set_max_entries(skel->maps.spare, max_rows);
	bpf_map__set_max_entries(skel->maps.exited, max_rows);
	bpf_map__set_max_entries(skel->maps.exited_big, max_rows);
	ret = bpf_load_object(set, why, len) ?: bpf_load_attach(set, why, len);
	if (ret)
		return ret;
	clock_gettime(CLOCK_BOOTTIME, &now);
	skel->bss->since_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	ret = bpf_load_pin(set, COWSTAT_BPF_DIR, why, len);
	if (!ret) {
		ret = watch_skipped(skel, set, why, len) ?: attach_table(skel, why, len);
		if (ret)
			bpf_load_unpin(COWSTAT_BPF_DIR, ignored, sizeof(ignored));
	}
	bpf_load_detach(set);
	return ret;
}

static int load(uint32_t max_rows, bool verbose)
{
	struct bpf_set set = { .verbose = verbose };
	struct cowstat_bpf *skel;
	char why[1024];
	int ret;

	ret = bpf_load_check(why, sizeof(why));
	if (ret) {
		warnx("%s", why);
		return EXIT_FAILURE;
	}
	skel = cowstat_bpf__open();
	if (!skel) {
		warn("cannot open the BPF object in this program");
		return EXIT_FAILURE;
	}
	set.skeleton = skel->skeleton;
	set.object = skel->obj;
	set.look_up = skel->progs.look_up;
	set.variables = BPF_VARIABLES(skel);
	ret = start(skel, &set, max_rows, why, sizeof(why));
	if (ret == -EEXIST)
		warnx("BPF counts already: " COWSTAT_BPF_DIR " exists. Read " COWSTAT_BPF_TABLE
		      ", or first: cowstat bpf unload");
	else if (ret)
		warnx("%s", why);
	cowstat_bpf__destroy(skel);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int unload(void)
{
	char why[512];

	if (!bpf_load_unpin(COWSTAT_BPF_DIR, why, sizeof(why)))
		return EXIT_SUCCESS;
	warnx("%s", why);
	return EXIT_FAILURE;
}

/**
 * cmd_bpf() - `cowstat bpf`
 * @argc: number of arguments, the word bpf included
 * @argv: the arguments
 *
 * Return: the exit status of the program.
 */
int cmd_bpf(int argc, char **argv)
{
	/* clang-format off */
	static const struct option longs[] = {
		{ "max-rows",	required_argument,	NULL, 'm' },
		{ "verbose",	no_argument,		NULL, 'v' },
		{ "help",	no_argument,		NULL, 'h' },
		{}
	};
	/* clang-format on */
	uint64_t max_rows = DEFAULT_ROWS;
	bool verbose = false;
	int c;

	while ((c = getopt_long(argc, argv, "m:v", longs, NULL)) != -1) {
		switch (c) {
		case 'm':
			if (parse_number(optarg, COWSTAT_MAX_ROWS_MIN, COWSTAT_MAX_ROWS_MAX,
					 &max_rows))
				bad_usage("-m %s: give a number of rows from %d to %d", optarg,
					  COWSTAT_MAX_ROWS_MIN, COWSTAT_MAX_ROWS_MAX);
			break;
		case 'v':
			verbose = true;
			break;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			point_to_help(); /* getopt_long() has said why */
		}
	}
	if (argc - optind == 1 && !strcmp(argv[optind], "load"))
		return load(max_rows, verbose);
	if (argc - optind == 1 && !strcmp(argv[optind], "unload"))
		return unload();
	bad_usage("bpf needs the word load or unload");
}
