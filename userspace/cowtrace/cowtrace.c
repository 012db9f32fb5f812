// SPDX-License-Identifier: GPL-2.0
/*
 * cowtrace: copy-on-write faults as they happen, one line each, or summed up by latency, by
 * stack, by mapping. The work is done by bpf/cowtrace.bpf.c; this sets it up and prints.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf_load.h"
#include "cow.h"
#include "cowtrace.skel.h"
#include "format.h"
#include "symbols.h"
#include "usage.h"

#define EXIT_LOST	3	/* all went well, but not every fault was told */
#define POLL_MS		50
#define CGROUP_ROOT	"/sys/fs/cgroup"
#define BAR_WIDTH	40

#define ENDING_NAME(ID, name)	[COW_##ID] = #name,
static const char *const ending_names[COW_NR_ENDINGS] = { COW_ENDINGS(ENDING_NAME) };

static const char *const mapping_names[] = {
	[COW_MAPPING_ANON] = "anon", [COW_MAPPING_HEAP] = "heap",
	[COW_MAPPING_STACK] = "stack", [COW_MAPPING_FILE] = "file",
};

/**
 * struct options - what was asked for
 * @sinks: enum cow_sink: the mode
 * @json: a line is a JSON object
 * @by_pid: histograms are by process
 * @children: of the processes that were named, too
 * @endings: a bit for each enum cow_ending; 0 for the usual ones
 * @pid: only these
 * @nr_pids: how many
 * @comm: only threads of this name, or NULL
 * @cgroup: only tasks in this cgroup and below, a path, or NULL
 * @pin: pin to this directory and leave, or NULL
 * @unpin: take that away, or NULL
 * @duration: seconds; 0 for until it is interrupted
 * @command: to run and watch, or NULL
 * @verbose: tell what the verifier says
 */
struct options {
	unsigned int sinks;
	bool json;
	bool by_pid;
	bool children;
	unsigned int endings;
	pid_t *pid;
	size_t nr_pids;
	const char *comm;
	const char *cgroup;
	const char *pin;
	const char *unpin;
	uint64_t duration;
	char **command;
	bool verbose;
};

/**
 * struct trace - one run
 * @o: what was asked for
 * @skel: programs and maps
 * @set: they, attached
 * @symbols: in the mode that shows stacks
 * @told: events printed
 * @child: the command that we run, or 0
 * @status: how it ended
 * @go: what it waits for before it begins
 */
struct trace {
	const struct options *o;
	struct cowtrace_bpf *skel;
	struct bpf_set set;
	struct symbols *symbols;
	uint64_t told;
	pid_t child;
	int status;
	int go;
};

static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

static void usage(FILE *to)
{
	fputs("usage: cowtrace [FILTER...] [MODE] [--duration SECONDS] [-- COMMAND [ARG...]]\n"
	      "       cowtrace [FILTER...] --pin DIR | --unpin DIR\n"
	      "Tell of each copy-on-write fault: whose, where, how it ended, how long it took.\n"
	      "Filters:\n"
	      "  -p, --pid PID[,PID]   only these processes\n"
	      "      --children        and those that they beget\n"
	      "  -c, --comm NAME       only threads of this name\n"
	      "      --cgroup PATH     only this cgroup (v2), and those below it\n"
	      "      --outcome LIST    only these; names are columns of the table: copied,\n"
	      "                        zero_filled, reused, shared_wp, other, file_copied,\n"
	      "                        thp_*, hugetlb_*. All but file_copied by default\n"
	      "Modes:\n"
	      "                        a line per fault\n"
	      "  -o, --output json     a JSON object per fault\n"
	      "      --hist[=process]  latency, in powers of two, by outcome or by process\n"
	      "      --stacks          faults by stack, folded, for flame graphs\n"
	      "      --by-vma          faults by mapping: which one pays\n"
	      "      --pin DIR         attach, pin below DIR, leave; bpftool then serves\n"
	      "      --unpin DIR       and take that away\n"
	      "  -v, --verbose         also tell how the verifier fared with each program\n"
	      "      --help\n"
	      "      --version\n"
	      "Exit status: 0, 1 for an error, 2 for a wrong command line, 3 when faults were\n"
	      "lost: the programs had no room, or were busy. How many is said at the end. A\n"
	      "command's exit status is ours, unless it is 0.\n", to);
}

/* --- the command line ------------------------------------------------------------------ */

static int parse_pids(char *list, struct options *o)
{
	uint64_t pid;
	char *word;

	while ((word = strsep(&list, ","))) {
		if (parse_number(word, 1, INT_MAX, &pid))
			return -EINVAL;
		o->pid = reallocarray(o->pid, o->nr_pids + 1, sizeof(*o->pid));
		if (!o->pid)
			err(EXIT_FAILURE, NULL);
		o->pid[o->nr_pids++] = pid;
	}
	return 0;
}

static void parse_endings(char *list, struct options *o)
{
	unsigned int e;
	char *word;

	while ((word = strsep(&list, ","))) {
		for (e = 0; e < COW_NR_ENDINGS; e++)
			if (!strcmp(word, ending_names[e]))
				break;
		if (e == COW_NR_ENDINGS)
			bad_usage("--outcome %s: no such outcome; --help lists them", word);
		o->endings |= 1U << e;
	}
}

static void one_mode(struct options *o, enum cow_sink sink)
{
	if (o->sinks)
		bad_usage("choose one of --hist, --stacks, --by-vma");
	o->sinks = sink;
}

/* Fills in @o, or ends the program. */
static void parse_options(int argc, char **argv, struct options *o)
{
	enum { OPT_HELP = 256, OPT_VERSION, OPT_CHILDREN, OPT_CGROUP, OPT_OUTCOME, OPT_HIST,
	       OPT_STACKS, OPT_BY_VMA, OPT_PIN, OPT_UNPIN, OPT_DURATION };
	static const struct option longs[] = {
		{ "pid",	required_argument,	NULL, 'p' },
		{ "children",	no_argument,		NULL, OPT_CHILDREN },
		{ "comm",	required_argument,	NULL, 'c' },
		{ "cgroup",	required_argument,	NULL, OPT_CGROUP },
		{ "outcome",	required_argument,	NULL, OPT_OUTCOME },
		{ "output",	required_argument,	NULL, 'o' },
		{ "hist",	optional_argument,	NULL, OPT_HIST },
		{ "stacks",	no_argument,		NULL, OPT_STACKS },
		{ "by-vma",	no_argument,		NULL, OPT_BY_VMA },
		{ "pin",	required_argument,	NULL, OPT_PIN },
		{ "unpin",	required_argument,	NULL, OPT_UNPIN },
		{ "duration",	required_argument,	NULL, OPT_DURATION },
		{ "verbose",	no_argument,		NULL, 'v' },
		{ "help",	no_argument,		NULL, OPT_HELP },
		{ "version",	no_argument,		NULL, OPT_VERSION },
		{}
	};
	int c;

	while ((c = getopt_long(argc, argv, "+p:c:o:v", longs, NULL)) != -1) {
		switch (c) {
		case 'p':
			if (parse_pids(optarg, o))
				bad_usage("-p: give pids, like -p 1,42");
			break;
		case OPT_CHILDREN:
			o->children = true;
			break;
		case 'c':
			if (!*optarg || strlen(optarg) >= COW_COMM_LEN)
				bad_usage("-c %s: a thread's name has 1 to %d bytes",
				     optarg, COW_COMM_LEN - 1);
			o->comm = optarg;
			break;
		case OPT_CGROUP:
			o->cgroup = optarg;
			break;
		case OPT_OUTCOME:
			parse_endings(optarg, o);
			break;
		case 'o':
			if (strcmp(optarg, "json"))
				bad_usage("-o %s: there is only json", optarg);
			o->json = true;
			break;
		case OPT_HIST:
			if (optarg && strcmp(optarg, "outcome") && strcmp(optarg, "process"))
				bad_usage("--hist=%s: give outcome or process", optarg);
			o->by_pid = optarg && !strcmp(optarg, "process");
			one_mode(o, COW_TO_HIST);
			break;
		case OPT_STACKS:
			one_mode(o, COW_TO_STACKS);
			break;
		case OPT_BY_VMA:
			one_mode(o, COW_TO_VMAS);
			break;
		case OPT_PIN:
			o->pin = optarg;
			break;
		case OPT_UNPIN:
			o->unpin = optarg;
			break;
		case OPT_DURATION:
			if (parse_number(optarg, 1, 86400 * 365, &o->duration))
				bad_usage("--duration %s: give whole seconds", optarg);
			break;
		case 'v':
			o->verbose = true;
			break;
		case OPT_HELP:
			usage(stdout);
			exit(EXIT_SUCCESS);
		case OPT_VERSION:
			puts("cowtrace " COWSTAT_RELEASE);
			exit(EXIT_SUCCESS);
		default:
			point_to_help();	/* getopt_long() has said why */
		}
	}
	if (optind < argc && strcmp(argv[optind - 1], "--"))
		bad_usage("what is \"%s\"? A command to run goes behind --", argv[optind]);
	if (optind < argc)
		o->command = argv + optind;
	if (o->command && (o->nr_pids || o->pin))
		bad_usage("a command is watched alone: without -p, without --pin");
	if (o->children && !o->nr_pids)
		bad_usage("--children: whose? Give -p PID too");
	if (o->json && o->sinks)
		bad_usage("-o json is for single faults, not for sums");
}

/* --- setting up ------------------------------------------------------------------------- */

/* A cgroup's id is its inode; its level is how deep it lies. */
static int set_cgroup(struct trace *t, char *why, size_t len)
{
	char path[PATH_MAX], *p;
	struct stat st;

	if (!realpath(t->o->cgroup, path) || stat(path, &st) ||
	    strncmp(path, CGROUP_ROOT, strlen(CGROUP_ROOT))) {
		snprintf(why, len, "--cgroup %s: not a cgroup; give a directory below " CGROUP_ROOT,
			 t->o->cgroup);
		return -EINVAL;
	}
	t->skel->rodata->only_cgroup = st.st_ino;
	for (p = path + strlen(CGROUP_ROOT); *p; p++)
		t->skel->rodata->cgroup_level += *p == '/';
	return 0;
}

/* The command, stopped before it begins. */
static int start_command(struct trace *t, char *why, size_t len)
{
	int gate[2], why_not;
	char byte;

	if (pipe2(gate, O_CLOEXEC)) {
		snprintf(why, len, "pipe: %s", strerror(errno));
		return -errno;
	}
	t->child = fork();
	if (!t->child) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) != 1)
			_exit(EXIT_FAILURE);
		execvp(*t->o->command, t->o->command);
		why_not = errno;
		/* in one piece, since we print beside it */
		dprintf(STDERR_FILENO, "%s: %s: %s\n", program_invocation_short_name,
			*t->o->command, strerror(why_not));
		_exit(why_not == ENOENT ? 127 : 126);
	}
	close(gate[0]);
	t->go = gate[1];
	if (t->child > 0)
		return 0;
	snprintf(why, len, "fork: %s", strerror(errno));
	return -errno;
}

static int watch_pid(struct trace *t, pid_t pid, char *why, size_t len)
{
	__u32 key = pid;
	__u8 one = 1;
	int ret = bpf_map_update_elem(bpf_map__fd(t->skel->maps.pids), &key, &one, BPF_ANY);

	if (ret)
		snprintf(why, len, "cannot watch pid %d: %s", pid, strerror(errno));
	return ret;
}

static int choose_sinks(const struct trace *t, __u8 sinks)
{
	__u32 key = 0;

	return bpf_map_update_elem(bpf_map__fd(t->skel->maps.cow_control), &key, &sinks, BPF_ANY);
}

static int set_up(struct trace *t, char *why, size_t len)
{
	const struct options *o = t->o;
	int ret;
	size_t i;

	ret = bpf_load_choose(&t->set, why, len);
	if (ret)
		return ret;
	t->skel->rodata->only_pids = o->nr_pids || o->command;
	t->skel->rodata->with_children = o->children || o->command;
	t->skel->rodata->hist_by_pid = o->by_pid;
	if (o->endings)
		t->skel->rodata->only_endings = o->endings;
	if (!(o->endings & 1U << COW_FILE_COPIED))	/* it would look at every file fault */
		bpf_program__set_autoload(t->skel->progs.file_exit, false);
	bpf_program__set_autoload(t->skel->progs.sweep, true);
	bpf_program__set_autoattach(t->skel->progs.sweep, false);
	if (o->comm)
		memcpy((char *)t->skel->rodata->only_comm, o->comm, strlen(o->comm));
	ret = o->cgroup ? set_cgroup(t, why, len) : 0;
	ret = ret ?: bpf_load_object(&t->set, why, len);
	if (!ret && o->command)
		ret = start_command(t, why, len);
	for (i = 0; !ret && i < o->nr_pids; i++)
		ret = watch_pid(t, o->pid[i], why, len);
	if (!ret && o->command)
		ret = watch_pid(t, t->child, why, len);
	if (ret)
		return ret;
	ret = choose_sinks(t, o->pin ? COW_TO_HIST | COW_TO_VMAS : o->sinks ?: COW_TO_RING);
	if (ret) {
		snprintf(why, len, "cannot switch on: %s", strerror(-ret));
		return ret;
	}
	return bpf_load_attach(&t->set, why, len);
}

/* --- single faults ------------------------------------------------------------------------ */

static void put_json_string(const char *key, const char *s)
{
	printf("\"%s\":\"", key);
	for (; *s; s++) {
		unsigned char c = *s;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			printf("\\u%04x", c);	/* bytes, not characters: taken as Latin-1 */
		else
			putchar(c);
	}
	printf("\",");
}

struct took {
	char s[24];
};

static struct took took_text(const struct cow_event *e, const char *unknown)
{
	struct took text;

	if (e->took_ns == COW_UNTIMED)
		snprintf(text.s, sizeof(text.s), "%s", unknown);
	else
		snprintf(text.s, sizeof(text.s), "%llu", e->took_ns);
	return text;
}

static void put_json(const struct cow_event *e)
{
	printf("{\"time_ns\":%llu,\"pid\":%u,\"tid\":%u,", e->now_ns, e->pid, e->tid);
	put_json_string("comm", e->comm);
	printf("\"outcome\":\"%s\",\"address\":%llu,\"mapping\":\"%s\",",
	       ending_names[e->ending], e->address, mapping_names[e->mapping]);
	if (e->mapping == COW_MAPPING_FILE) {
		put_json_string("file", e->file);
		printf("\"offset\":%llu,", e->offset);
	}
	printf("\"old_pfn\":%llu,\"new_pfn\":%llu,\"bytes\":%u,\"took_ns\":%s,\"remote\":%s}\n",
	       e->old_pfn, e->new_pfn, e->bytes, took_text(e, "null").s,
	       e->remote ? "true" : "false");
}

/* 100 columns; what the page belongs to is last, where a long name does no harm. */
#define LINE_HEAD	"%12s %6s %6s %-15s %-11s %12s %7s %7s %7s %7s %s\n"

static void put_line(const struct cow_event *e)
{
	char where[96];

	if (e->mapping == COW_MAPPING_FILE)
		snprintf(where, sizeof(where), "%s+0x%llx", format_printable(e->file).s,
			 e->offset);
	else
		snprintf(where, sizeof(where), "%s", mapping_names[e->mapping]);
	printf("%5llu.%06llu %6u %6u %-15s %-11s %012llx %7llx %7llx %7u %7s %s%s\n",
	       e->now_ns / 1000000000, e->now_ns / 1000 % 1000000, e->pid, e->tid,
	       format_printable(e->comm).s, ending_names[e->ending], e->address, e->old_pfn,
	       e->new_pfn, e->bytes, took_text(e, COWSTAT_UNKNOWN).s, where,
	       e->remote ? " (from outside)" : "");
}

static int on_event(void *context, void *data, size_t size)
{
	const struct cow_event *e = data;
	struct trace *t = context;

	if (size < sizeof(*e) || e->ending >= COW_NR_ENDINGS || e->mapping > COW_MAPPING_FILE)
		return 0;
	t->told++;
	if (t->o->json)
		put_json(e);
	else
		put_line(e);
	return ferror(stdout) ? -EIO : 0;
}

/* --- sums ---------------------------------------------------------------------------------- */

static void put_hist(const struct cow_hist_key *key, const struct cow_hist *hist, bool by_pid)
{
	unsigned int i, first = COW_BUCKETS, last = 0;
	uint64_t most = 0, timed = hist->faults - hist->untimed;

	for (i = 0; i < COW_BUCKETS; i++) {
		if (!hist->bucket[i])
			continue;
		if (first == COW_BUCKETS)
			first = i;
		last = i;
		if (hist->bucket[i] > most)
			most = hist->bucket[i];
	}
	if (by_pid)
		printf("\n%u %s", key->pid, format_printable(hist->comm).s);
	else
		printf("\n%s", ending_names[key->ending % COW_NR_ENDINGS]);
	printf(": %s faults", format_number(hist->faults).s);
	if (timed)
		printf(", on average %s", format_duration(hist->took_ns / timed).s);
	if (hist->untimed)
		printf(", %s of unknown duration", format_number(hist->untimed).s);
	putchar('\n');
	if (!timed)
		return;
	printf("%12s %12s %10s\n", "from", "to", "faults");
	for (i = first; i <= last && first < COW_BUCKETS; i++)
		printf("%12s %12s %10llu %s\n", format_duration(i ? 1ULL << i : 0).s,
		       format_duration(1ULL << (i + 1)).s, hist->bucket[i],
		       hist->bucket[i] ? format_bar(hist->bucket[i], most, BAR_WIDTH).s : "");
}

static void put_hists(const struct trace *t)
{
	struct cow_hist_key key, *previous = NULL;
	int fd = bpf_map__fd(t->skel->maps.hists);
	struct cow_hist hist;

	while (!bpf_map_get_next_key(fd, previous, &key)) {
		if (!bpf_map_lookup_elem(fd, &key, &hist))
			put_hist(&key, &hist, t->o->by_pid);
		previous = &key;
	}
}

struct vma_line {
	struct cow_vma_key key;
	struct cow_vma vma;
};

static uint64_t all_faults(const struct cow_vma *vma)
{
	uint64_t n = 0;

	for (unsigned int e = 0; e < COW_NR_ENDINGS; e++)
		n += vma->faults[e];
	return n;
}

static int by_bytes(const void *a, const void *b)
{
	const struct cow_vma *x = &((const struct vma_line *)a)->vma;
	const struct cow_vma *y = &((const struct vma_line *)b)->vma;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return all_faults(x) < all_faults(y) ? 1 : -1;
}

static void put_vmas(const struct trace *t)
{
	struct cow_vma_key key, *previous = NULL;
	int fd = bpf_map__fd(t->skel->maps.vmas);
	struct vma_line *line = NULL;
	size_t nr = 0, i;

	while (!bpf_map_get_next_key(fd, previous, &key)) {
		line = reallocarray(line, nr + 1, sizeof(*line));
		if (!line)
			err(EXIT_FAILURE, NULL);
		line[nr].key = key;
		if (!bpf_map_lookup_elem(fd, &key, &line[nr].vma))
			nr++;
		previous = &key;
	}
	if (nr)
		qsort(line, nr, sizeof(*line), by_bytes);
	printf("%7s %-15s %7s %7s %7s %9s %8s MAPPING\n", "PID", "COMMAND", "FAULTS", "COPIED",
	       "REUSED", "SIZE", "TIME");
	for (i = 0; i < nr; i++) {
		const struct cow_vma *vma = &line[i].vma;

		printf("%7u %-15s %7" PRIu64 " %7llu %7llu %9s %8s %s\n", line[i].key.pid,
		       format_printable(vma->comm).s, all_faults(vma),
		       vma->faults[COW_COPIED] + vma->faults[COW_FILE_COPIED],
		       vma->faults[COW_REUSED], format_size(vma->bytes).s,
		       format_duration(vma->took_ns).s,
		       line[i].key.mapping == COW_MAPPING_FILE ?
				format_printable(line[i].key.file).s :
				mapping_names[line[i].key.mapping % 4]);
	}
	free(line);
}

/* Processes with stacks are met while they live: their mappings name the functions. */
static void meet_processes(const struct trace *t)
{
	struct cow_stack_key key, *previous = NULL;
	int fd = bpf_map__fd(t->skel->maps.stack_counts);

	while (!bpf_map_get_next_key(fd, previous, &key)) {
		symbols_meet(t->symbols, key.pid);
		previous = &key;
	}
}

static bool stack_of(const struct trace *t, int id, uint64_t *frame)
{
	__u32 key = id;

	return id >= 0 && !bpf_map_lookup_elem(bpf_map__fd(t->skel->maps.stacks), &key, frame);
}

/* The frames of a stack, outermost first. */
static void put_user_frames(const struct trace *t, int id, pid_t pid)
{
	uint64_t frame[COW_STACK_DEPTH] = {};
	char name[256];
	int i;

	if (!stack_of(t, id, frame))
		return;
	for (i = COW_STACK_DEPTH - 1; i >= 0; i--) {
		if (!frame[i])
			continue;
		symbols_user(t->symbols, pid, frame[i], name, sizeof(name));
		printf(";%s", name);
	}
}

/*
 * The same of the kernel, but for the innermost ones, which are our program and what called
 * it; and where a kernel jumps to that, the function that the program watches is not on the
 * stack.
 */
static void put_kernel_frames(const struct trace *t, int id, unsigned int function)
{
	static const char *const functions[COW_NR_FUNCTIONS] = {
		[COW_DO_WP_PAGE] = "do_wp_page",
		[COW_FINISH_FAULT] = "finish_fault",
		[COW_DO_HUGE_PMD_WP_PAGE] = "do_huge_pmd_wp_page",
		[COW_HUGETLB_WP] = "hugetlb_wp",
	};
	const char *watched = functions[function % COW_NR_FUNCTIONS], *name = "";
	uint64_t frame[COW_STACK_DEPTH] = {};
	int i, first = 0;

	if (!stack_of(t, id, frame))
		return;
	while (first < COW_STACK_DEPTH && symbols_beyond(t->symbols, frame[first]))
		first++;
	for (i = COW_STACK_DEPTH - 1; i >= first; i--) {
		if (!frame[i])
			continue;
		name = symbols_kernel(t->symbols, frame[i]);
		printf(";%s_[k]", name);
	}
	if (strcmp(name, watched))
		printf(";%s_[k]", watched);
}

static void put_stacks(const struct trace *t)
{
	struct cow_stack_key key, *previous = NULL;
	int fd = bpf_map__fd(t->skel->maps.stack_counts);
	uint64_t n;

	while (!bpf_map_get_next_key(fd, previous, &key)) {
		previous = &key;
		if (bpf_map_lookup_elem(fd, &key, &n))
			continue;
		printf("%s", format_printable(key.comm).s);
		put_user_frames(t, key.user, key.pid);
		put_kernel_frames(t, key.kernel, key.function);
		printf(" %" PRIu64 "\n", n);
	}
}

/* --- the run --------------------------------------------------------------------------------- */

static uint64_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* The command's end is ours: its exit status, or as a shell says which signal killed it. */
static bool child_left(struct trace *t)
{
	int status;

	if (t->child <= 0 || waitpid(t->child, &status, WNOHANG) != t->child)
		return false;
	t->child = 0;
	t->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return true;
}

/*
 * No fault begins any more; those that are under way get a moment to end, and what then
 * still has none is told without one.
 */
static int finish(struct trace *t, struct ring_buffer *ring)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int ret = choose_sinks(t, 0);

	if (!ret)
		ret = ring_buffer__poll(ring, POLL_MS);
	if (ret >= 0 || ret == -EINTR)
		ret = ring_buffer__consume(ring);
	bpf_load_detach(&t->set);
	if (ret >= 0)
		ret = bpf_prog_test_run_opts(bpf_program__fd(t->skel->progs.sweep), &opts);
	return ret < 0 ? ret : ring_buffer__consume(ring);
}

static int run(struct trace *t, char *why, size_t len)
{
	const struct options *o = t->o;
	uint64_t end = o->duration ? seconds_now() + o->duration : UINT64_MAX;
	struct ring_buffer *ring;
	int ret = 0;

	ring = ring_buffer__new(bpf_map__fd(t->skel->maps.events), on_event, t, NULL);
	if (!ring) {
		snprintf(why, len, "cannot read the ring buffer: %s", strerror(errno));
		return -errno;
	}
	if (!o->sinks && !o->json)
		printf(LINE_HEAD, "SECONDS", "PID", "TID", "COMMAND", "OUTCOME", "ADDRESS",
		       "OLD-PFN", "NEW-PFN", "BYTES", "NS", "MAPPING");
	fflush(stdout);
	if (!o->command && !o->duration)
		fputs("cowtrace: watching; Ctrl-C ends it\n", stderr);
	if (o->command && write(t->go, "", 1) != 1)
		warn("cannot start %s", *o->command);
	while (ret >= 0 && !stopped && !child_left(t) && seconds_now() < end) {
		ret = ring_buffer__poll(ring, POLL_MS);
		if (ret == -EINTR)
			ret = 0;
		if (ret >= 0)
			ret = ring_buffer__consume(ring);
		if (t->symbols)
			meet_processes(t);
		if (!o->sinks && fflush(stdout))
			ret = -errno;
	}
	if (ret >= 0)
		ret = finish(t, ring);
	ring_buffer__free(ring);
	if (ret < 0)
		snprintf(why, len, "cannot print: %s", strerror(-ret));
	return ret < 0 ? ret : 0;
}

/*
 * Calls that the kernel did not make, since the program was busy on that CPU. Whose faults
 * they were is not known, nor whether they were any at all: at most so many were not told.
 * Exits are not among them: a fault is found again without its exit.
 */
static uint64_t nr_unseen(const struct trace *t)
{
	return bpf_load_skipped(t->skel->progs.wp_entry) +
	       bpf_load_skipped(t->skel->progs.thp_entry) +
	       bpf_load_skipped(t->skel->progs.hugetlb_entry) +
	       bpf_load_skipped(t->skel->progs.file_exit) +
	       (t->skel->rodata->with_children ? bpf_load_skipped(t->skel->progs.on_fork) : 0);
}

static int summarize(const struct trace *t)
{
	uint64_t all = 0, lost = t->skel->bss->lost + nr_unseen(t);
	uint64_t untimed = t->skel->bss->untimed;
	unsigned int e;

	for (e = 0; e < COW_NR_ENDINGS; e++)
		all += t->skel->bss->seen[e];
	if (t->o->sinks == COW_TO_HIST)
		put_hists(t);
	else if (t->o->sinks == COW_TO_VMAS)
		put_vmas(t);
	else if (t->o->sinks == COW_TO_STACKS)
		put_stacks(t);
	if (fflush(stdout) || ferror(stdout)) {
		warn("cannot write");
		return EXIT_FAILURE;
	}
	fprintf(stderr, "cowtrace: %" PRIu64 " faults told, %" PRIu64 " lost",
		t->o->sinks ? all : t->told, lost);
	if (untimed)
		fprintf(stderr, ", %" PRIu64 " of unknown duration", untimed);
	fputc('\n', stderr);
	if (t->status)
		return t->status;
	return lost ? EXIT_LOST : EXIT_SUCCESS;
}

static int trace(const struct options *o)
{
	struct trace t = { .o = o, .set.verbose = o->verbose, .go = -1 };
	struct sigaction stop = { .sa_handler = on_signal };
	int ret, status = EXIT_FAILURE;
	char why[1024];

	ret = bpf_load_check(why, sizeof(why));
	if (ret)
		goto tell;
	t.skel = cowtrace_bpf__open();
	if (!t.skel)
		err(EXIT_FAILURE, "cannot open the BPF object in this program");
	t.set.skeleton = t.skel->skeleton;
	t.set.object = t.skel->obj;
	if (o->sinks == COW_TO_STACKS)
		t.symbols = symbols_new();
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	ret = set_up(&t, why, sizeof(why));
	if (!ret && o->pin) {
		ret = bpf_load_pin(&t.set, o->pin, why, sizeof(why));
		if (!ret)
			status = EXIT_SUCCESS;
	} else if (!ret) {
		ret = run(&t, why, sizeof(why));
		if (!ret)
			status = summarize(&t);
	}
	bpf_load_detach(&t.set);
	if (t.go >= 0)
		close(t.go);
	symbols_free(t.symbols);
	cowtrace_bpf__destroy(t.skel);
tell:
	if (ret)
		warnx("%s", why);
	return status;
}

int main(int argc, char **argv)
{
	struct options o = {};
	char why[512];
	int status;

	parse_options(argc, argv, &o);
	if (o.unpin) {
		if (!bpf_load_unpin(o.unpin, why, sizeof(why)))
			return EXIT_SUCCESS;
		errx(EXIT_FAILURE, "%s", why);
	}
	status = trace(&o);
	free(o.pid);
	return status;
}
