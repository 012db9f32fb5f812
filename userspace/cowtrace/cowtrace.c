// SPDX-License-Identifier: GPL-2.0
/*
 * cowtrace: copy-on-write faults as they happen, one line each, or sums of them by duration,
 * by stack, by mapping. bpf/cowtrace.bpf.c collects them. Or forks, which bpf/cowforks.bpf.c
 * collects. This file has the options, the set-up and the main loop; faults.c prints single
 * faults, sums.c and stacks.c print sums, forks.c prints forks.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf_load.h"
#include "cgroups.h"
#include "clock.h"
#include "columns.h"
#include "cow.h"
#include "cowforks.skel.h"
#include "cowtrace.skel.h"
#include "faults.h"
#include "forks.h"
#include "format.h"
#include "options.h"
#include "procfs.h"
#include "stacks.h"
#include "sums.h"
#include "usage.h"

#define EXIT_LOST	3	/* no error, but some faults were lost */
#define POLL_MS		50
#define NR_STACKS	65536	/* different stacks, in the mode that shows them */
#define SAMPLES_BYTES	(64 << 20) /* of the ring buffer, if user stacks are copied to it */
#define DEFAULT_COLUMNS	"time,pid,tid,comm,outcome,address,took,mapping"

/**
 * struct options - the command line
 * @sinks: the mode, an enum cow_sink; 0 for single faults
 * @json: print JSON
 * @by_pid: histograms are by process
 * @merge: sums by mapping are of all processes of a name
 * @forks: print forks, not faults
 * @by_caller: sums of forks by caller
 * @columns: columns of a line for a fault or a fork
 * @dwarf: user stacks are copied, to be unwound by DWARF
 * @by_function: sums of stacks by their innermost function
 * @lines: functions have source lines
 * @svg: draw a flame graph to this file, or NULL
 * @text: print stacks as text or JSON, or sums by function
 * @output: print to this file, or NULL for stdout
 * @children: watch the children of @pids too
 * @outcomes: a bit for each enum cow_ending; 0 for the default
 * @pids: watch only these processes
 * @comm: watch only threads of this name, or NULL; tested in the kernel
 * @regex: print only threads whose name matches; tested here
 * @has_regex: there is a @regex
 * @cgroup: watch only tasks in this cgroup and below it, a path, or NULL
 * @pin: pin to this directory and exit, or NULL
 * @unpin: remove what @pin made there, or NULL
 * @duration: seconds; 0 means until interrupted
 * @count: stop after this number of faults or forks; UINT64_MAX for never
 * @command: to be run and watched, or NULL
 * @verbose: print what the verifier reports
 */
struct options {
	unsigned int sinks;
	bool json;
	bool by_pid;
	bool merge;
	bool forks;
	bool by_caller;
	struct columns columns;
	bool dwarf;
	bool by_function;
	bool lines;
	bool text;
	const char *svg;
	const char *output;
	bool children;
	unsigned int outcomes;
	struct pid_list pids;
	const char *comm;
	regex_t regex;
	bool has_regex;
	const char *cgroup;
	const char *pin;
	const char *unpin;
	uint64_t duration;
	uint64_t count;
	char **command;
	bool verbose;
};

/**
 * struct trace - state of a run
 * @o: the command line
 * @skel: programs and maps that watch faults, or NULL
 * @fork_skel: those that watch forks, or NULL
 * @forks: forks that are to be printed; there if @fork_skel is
 * @set: the attached programs
 * @stacks: only in the mode that shows stacks
 * @svg: the stream for the flame graph
 * @out: the stream for faults and sums
 * @printed: number of faults printed
 * @child: pid of the command, or 0
 * @status: exit status of the command, as a shell reports it
 * @begin_ns: when the set-up began
 * @start_fd: a byte written to it starts the command
 */
struct trace {
	const struct options *o;
	struct cowtrace_bpf *skel;
	struct cowforks_bpf *fork_skel;
	struct forks *forks;
	struct bpf_set set;
	struct stacks *stacks;
	FILE *svg;
	FILE *out;
	uint64_t printed;
	pid_t child;
	int status;
	uint64_t begin_ns;
	int start_fd;
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
	      "Print each copy-on-write fault: its process, address, outcome and duration.\n"
	      "Filters:\n"
	      "  -p, --pid PID[,PID...] only these processes, and faults in their memory\n"
	      "      --children         with -p: their descendants, too, also future ones\n"
	      "  -C, --comm REGEX       only threads whose name matches\n"
	      "  -G, --cgroup PATH      only this cgroup and those below it\n"
	      "      --outcome LIST     only these outcomes, named as columns of the table:\n"
	      "                         copied, zero_filled, reused, shared_wp, other,\n"
	      "                         file_copied, thp_split, thp_reused, thp_other,\n"
	      "                         hugetlb_copied, hugetlb_reused, hugetlb_other.\n"
	      "                         The default is all except file_copied\n"
	      "Modes:\n"
	      "                         a line for each fault\n"
	      "      --columns LIST     with these columns: time, pid, tid, comm, outcome,\n"
	      "                         address, old_pfn, new_pfn, bytes, took, mapping\n"
	      "      --hist[=process]   histograms of durations, by outcome or by process\n"
	      "      --stacks[=dwarf]   number of faults by stack, folded for flame graphs;\n"
	      "                         dwarf: for code without frame pointers\n"
	      "      --by-function      sums by the innermost function of the stack\n"
	      "      --flamegraph FILE  draw all stacks to this file, as SVG\n"
	      "      --lines            with these: source lines too\n"
	      "      --by-vma           sums by process and mapping\n"
	      "      --merge            with --by-vma: sums over all processes with a name\n"
	      "      --forks            a line for each fork, not for each fault. --columns: time,\n"
	      "                         pid, tid, comm, child, kind, took, shared, swap, pgtables,\n"
	      "                         pinned, hugetlb, mappings, caller\n"
	      "      --forks --by-vma   below it, the mappings that its time went to\n"
	      "      --forks --by-caller  sums by the function that called fork\n"
	      "      --pin DIR          attach, pin everything below DIR and exit, for bpftool\n"
	      "      --unpin DIR        detach what --pin attached, and remove DIR\n"
	      "Output:\n"
	      "  -o, --format json      a JSON object on each line\n"
	      "      --output FILE      write to FILE, not to standard output\n"
	      "      --duration SECONDS stop after that time\n"
	      "      --count N          stop after N faults or forks\n"
	      "  -v, --verbose          also print what the verifier reports for each program\n"
	      "      --help\n"
	      "      --version\n"
	      "Exit status: 0 success, 1 error, 2 wrong command line, 3 some faults were lost\n"
	      "(their number is printed at the end). With a command: the command's exit status,\n"
	      "unless that is 0.\n",
	      to);
}

/* --- the command line ------------------------------------------------------------------ */

static void parse_outcomes(char *list, struct options *o)
{
	char *word;
	int outcome;

	while ((word = strsep(&list, ","))) {
		outcome = outcome_by_name(word);
		if (outcome < 0)
			bad_usage("--outcome %s: no such outcome; --help lists them", word);
		o->outcomes |= 1U << outcome;
	}
}

static void parse_columns(char *list, struct options *o)
{
	column_name *name = o->forks ? fork_column_name : fault_column_name;
	const char *bad;
	char all[256];

	if (columns_parse(list, name, &o->columns, &bad))
		return;
	columns_list(name, all, sizeof(all));
	bad_usage("--columns: no column \"%s\"; there are %s", bad, all);
}

/* Which options go together? */
static void check_modes(const struct options *o)
{
	if (o->by_caller && !o->forks)
		bad_usage("--by-caller needs --forks");
	if (!o->forks)
		return;
	if (o->sinks & ~COW_TO_VMAS)
		bad_usage("give only one of --forks, --hist, --stacks");
	if (o->sinks && o->by_caller)
		bad_usage("give only one of --by-vma, --by-caller");
	if (o->outcomes || o->merge)
		bad_usage("--forks: %s is for faults", o->merge ? "--merge" : "--outcome");
	if (o->pin)
		bad_usage("--forks cannot be pinned");
}

static void one_mode(struct options *o, enum cow_sink sink)
{
	if (o->sinks)
		bad_usage("give only one of --hist, --stacks, --by-function, --by-vma");
	o->sinks = sink;
}

/* Fill in @o. Ends the program on a wrong command line. */
static void parse_options(int argc, char **argv, struct options *o)
{
	enum {
		OPT_HELP = 256,
		OPT_VERSION,
		OPT_CHILDREN,
		OPT_OUTCOME,
		OPT_HIST,
		OPT_STACKS,
		OPT_BY_VMA,
		OPT_PIN,
		OPT_UNPIN,
		OPT_DURATION,
		OPT_OUTPUT,
		OPT_MERGE,
		OPT_BY_FUNCTION,
		OPT_FLAMEGRAPH,
		OPT_LINES,
		OPT_COLUMNS,
		OPT_FORKS,
		OPT_BY_CALLER,
		OPT_COUNT
	};
	/* clang-format off */
	static const struct option longs[] = {
		{ "pid",	required_argument,	NULL, 'p' },
		{ "children",	no_argument,		NULL, OPT_CHILDREN },
		{ "comm",	required_argument,	NULL, 'C' },
		{ "cgroup",	required_argument,	NULL, 'G' },
		{ "outcome",	required_argument,	NULL, OPT_OUTCOME },
		{ "format",	required_argument,	NULL, 'o' },
		{ "output",	required_argument,	NULL, OPT_OUTPUT },
		{ "merge",	no_argument,		NULL, OPT_MERGE },
		{ "columns",	required_argument,	NULL, OPT_COLUMNS },
		{ "hist",	optional_argument,	NULL, OPT_HIST },
		{ "stacks",	optional_argument,	NULL, OPT_STACKS },
		{ "by-function", no_argument,		NULL, OPT_BY_FUNCTION },
		{ "flamegraph",	required_argument,	NULL, OPT_FLAMEGRAPH },
		{ "lines",	no_argument,		NULL, OPT_LINES },
		{ "by-vma",	no_argument,		NULL, OPT_BY_VMA },
		{ "forks",	no_argument,		NULL, OPT_FORKS },
		{ "by-caller",	no_argument,		NULL, OPT_BY_CALLER },
		{ "pin",	required_argument,	NULL, OPT_PIN },
		{ "unpin",	required_argument,	NULL, OPT_UNPIN },
		{ "duration",	required_argument,	NULL, OPT_DURATION },
		{ "count",	required_argument,	NULL, OPT_COUNT },
		{ "verbose",	no_argument,		NULL, 'v' },
		{ "help",	no_argument,		NULL, OPT_HELP },
		{ "version",	no_argument,		NULL, OPT_VERSION },
		{}
	};
	/* clang-format on */
	char faults[] = DEFAULT_COLUMNS, forks[] = FORK_COLUMNS, *columns = NULL;
	bool stacks = false;
	int c;

	o->count = UINT64_MAX;
	while ((c = getopt_long(argc, argv, "+p:c:C:G:o:v", longs, NULL)) != -1) {
		switch (c) {
		case 'p':
			options_pids(optarg, &o->pids);
			break;
		case OPT_CHILDREN:
			o->children = true;
			break;
		case 'c': /* the old spelling of -C '^NAME$' */
			if (!*optarg || strlen(optarg) >= COW_COMM_LEN)
				bad_usage("-c %s: a thread's name has 1 to %d bytes", optarg,
					  COW_COMM_LEN - 1);
			o->comm = optarg;
			break;
		case 'C':
			if (o->has_regex)
				regfree(&o->regex);
			options_comm(optarg, &o->regex);
			o->has_regex = true;
			break;
		case 'G':
			o->cgroup = optarg;
			break;
		case OPT_OUTCOME:
			parse_outcomes(optarg, o);
			break;
		case 'o':
			options_format(optarg);
			o->json = true;
			break;
		case OPT_HIST:
			if (optarg && strcmp(optarg, "outcome") && strcmp(optarg, "process"))
				bad_usage("--hist=%s: give outcome or process", optarg);
			o->by_pid = optarg && !strcmp(optarg, "process");
			one_mode(o, COW_TO_HIST);
			break;
		case OPT_COLUMNS:
			columns = optarg;
			break;
		case OPT_MERGE:
			o->merge = true;
			break;
		case OPT_OUTPUT:
			/* --output json was the spelling of -o json. */
			if (!strcmp(optarg, "json"))
				o->json = true;
			else
				o->output = optarg;
			break;
		case OPT_STACKS:
			if (optarg && strcmp(optarg, "dwarf"))
				bad_usage("--stacks=%s: give dwarf, or nothing", optarg);
			o->dwarf = optarg;
			stacks = true;
			break;
		case OPT_BY_FUNCTION:
			o->by_function = true;
			break;
		case OPT_FLAMEGRAPH:
			o->svg = optarg;
			break;
		case OPT_LINES:
			o->lines = true;
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
		case OPT_FORKS:
			o->forks = true;
			break;
		case OPT_BY_CALLER:
			o->by_caller = true;
			break;
		case OPT_COUNT:
			o->count = options_number("--count", optarg, 1, UINT64_MAX - 1);
			break;
		case OPT_DURATION:
			o->duration = options_number("--duration", optarg, 1, 86400 * 365);
			break;
		case 'v':
			o->verbose = true;
			break;
		case OPT_HELP:
			usage(stdout);
			exit(EXIT_SUCCESS);
		case OPT_VERSION:
			options_version("cowtrace");
		default:
			point_to_help(); /* getopt_long() has printed the reason */
		}
	}
	if (optind < argc && strcmp(argv[optind - 1], "--"))
		bad_usage("unexpected argument \"%s\"; write -- before a command", argv[optind]);
	if (optind < argc)
		o->command = argv + optind;
	if (o->command && (o->pids.nr || o->pin))
		bad_usage("with a command, give neither -p nor --pin");
	parse_columns(columns ?: o->forks ? forks : faults, o);
	if (o->children && !o->pids.nr)
		bad_usage("--children needs -p PID");
	if (stacks || o->by_function || o->svg)
		one_mode(o, COW_TO_STACKS);
	o->text = o->by_function || (stacks && !o->svg);
	check_modes(o);
	if (o->lines && o->sinks != COW_TO_STACKS)
		bad_usage("--lines needs --stacks, --by-function or --flamegraph");
	if (o->merge && o->sinks != COW_TO_VMAS)
		bad_usage("--merge needs --by-vma");
	if (o->pin && (o->has_regex || o->output || o->json || o->sinks))
		bad_usage("--pin prints nothing: it takes filters of the kernel only, not -C, -o, --output or a mode");
}

/* --- setting up ------------------------------------------------------------------------- */

/* The map of processes that are watched. */
static int pids_map(const struct trace *t)
{
	return bpf_map__fd(t->forks ? t->fork_skel->maps.pids : t->skel->maps.pids);
}

static int set_cgroup(const struct trace *t, struct cgroup_place *place, char *why, size_t len)
{
	*place = (struct cgroup_place){};
	return t->o->cgroup ? cgroups_locate(t->o->cgroup, NULL, place, why, len) : 0;
}

/* Fork a process for the command. It waits for a byte from @start_fd before its exec. */
static int start_command(struct trace *t, char *why, size_t len)
{
	int gate[2], error;
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
		error = errno;
		/* One write: the parent may print at the same time. */
		dprintf(STDERR_FILENO, "%s: %s: %s\n", program_invocation_short_name,
			*t->o->command, strerror(error));
		_exit(error == ENOENT ? 127 : 126);
	}
	close(gate[0]);
	t->start_fd = gate[1];
	if (t->child > 0)
		return 0;
	snprintf(why, len, "fork: %s", strerror(errno));
	return -errno;
}

static int watch_pid(struct trace *t, pid_t pid, char *why, size_t len)
{
	__u32 key = pid;
	__u8 one = 1;
	int ret = bpf_map_update_elem(pids_map(t), &key, &one, BPF_ANY);

	if (ret)
		snprintf(why, len, "cannot watch pid %d: %s", pid, strerror(errno));
	return ret;
}

/* Is there a process with each pid? */
static int check_pids(const struct pid_list *pids, char *why, size_t len)
{
	uint64_t tgid;
	size_t i;

	for (i = 0; i < pids->nr; i++) {
		if (procfs_pid_figure(pids->pid[i], "status", "Tgid", &tgid)) {
			snprintf(why, len, "-p %d: there is no such process", pids->pid[i]);
			return -ESRCH;
		}
		if (tgid != (uint64_t)pids->pid[i]) {
			snprintf(why, len,
				 "-p %d: that is a thread of process %" PRIu64 ": give -p %" PRIu64,
				 pids->pid[i], tgid, tgid);
			return -ESRCH;
		}
	}
	return 0;
}

/* What watch_child() needs: it adds children of watched processes. */
struct growing {
	struct trace *t;
	size_t added;
	int ret;
	char *why;
	size_t len;
};

static void watch_child(pid_t pid, const struct procfs_stat *stat, void *arg)
{
	struct growing *g = arg;
	int fd = pids_map(g->t);
	__u32 child = pid, parent = stat->ppid;
	__u8 one;

	if (g->ret || bpf_map_lookup_elem(fd, &parent, &one) ||
	    !bpf_map_lookup_elem(fd, &child, &one))
		return;
	g->ret = watch_pid(g->t, pid, g->why, g->len);
	g->added++;
}

/*
 * Watch the descendants that exist already. The BPF program on_fork() adds children that a watched
 * process forks from now on. But a process that is not watched yet may fork meanwhile. So repeat
 * the search until it finds no new process.
 */
static int watch_descendants(struct trace *t, char *why, size_t len)
{
	struct growing g = { .t = t, .why = why, .len = len };

	do {
		g.added = 0;
		procfs_each(watch_child, &g);
	} while (!g.ret && g.added);
	return g.ret;
}

static int choose_sinks(const struct trace *t, __u8 sinks)
{
	__u32 key = 0;

	return bpf_map_update_elem(bpf_map__fd(t->skel->maps.cow_control), &key, &sinks, BPF_ANY);
}

/* Maps for stacks are large: without stacks they are as small as can be. */
static void set_stacks(struct trace *t)
{
	const struct options *o = t->o;

	t->skel->rodata->sample_stacks = o->dwarf;
	if (o->dwarf)
		bpf_map__set_max_entries(t->skel->maps.events, SAMPLES_BYTES);
	if (o->pin)
		return;
	bpf_map__set_max_entries(t->skel->maps.stacks, o->sinks == COW_TO_STACKS ? NR_STACKS : 1);
	bpf_map__set_max_entries(t->skel->maps.stack_sums,
				 o->sinks == COW_TO_STACKS ? NR_STACKS : 1);
	if (o->sinks != COW_TO_STACKS)
		bpf_map__set_value_size(t->skel->maps.stacks, sizeof(uint64_t));
}

static void begin_stacks(struct trace *t)
{
	const struct options *o = t->o;
	struct stacks_options stacks = {
		.to = o->text ? t->out : NULL,
		.json = o->json,
		.by_function = o->by_function,
		.lines = o->lines,
		.dwarf = o->dwarf,
		.comm = o->has_regex ? &o->regex : NULL,
	};

	if (o->svg)
		t->svg = options_output(o->svg);
	stacks.svg = t->svg;
	t->stacks = stacks_new(&stacks);
}

static bool with_children(const struct options *o)
{
	return o->children || o->command;
}

/* Open the programs that watch faults, and set what they watch. */
static int open_faults(struct trace *t, char *why, size_t len)
{
	const struct options *o = t->o;
	struct cgroup_place place;
	int ret;

	t->skel = cowtrace_bpf__open();
	if (!t->skel)
		err(EXIT_FAILURE, "cannot open the BPF object in this program");
	t->set.skeleton = t->skel->skeleton;
	t->set.object = t->skel->obj;
	t->set.look_up = t->skel->progs.look_up;
	t->set.variables = BPF_VARIABLES(t->skel);
	if (o->sinks == COW_TO_STACKS)
		begin_stacks(t);
	ret = set_cgroup(t, &place, why, len) ?: bpf_load_choose(&t->set, why, len);
	if (ret)
		return ret;
	t->skel->rodata->only_cgroup = place.id;
	t->skel->rodata->cgroup_level = place.level;
	t->skel->rodata->only_pids = o->pids.nr || o->command;
	t->skel->rodata->with_children = with_children(o);
	t->skel->rodata->hist_by_pid = o->by_pid;
	t->skel->rodata->sums_by_comm = o->has_regex;
	set_stacks(t);
	if (o->outcomes)
		t->skel->rodata->only_endings = o->outcomes;
	/* it runs at each fault on a file's page */
	if (!(o->outcomes & 1U << COW_FILE_COPIED)) {
		bpf_program__set_autoload(t->skel->progs.file_copied, false);
		bpf_program__set_autoload(t->skel->progs.anon_added, false);
	} else {
		bpf_program__set_autoload(t->skel->progs.file_entry, true);
	}
	bpf_program__set_autoload(t->skel->progs.sweep, true);
	bpf_program__set_autoattach(t->skel->progs.sweep, false);
	if (o->comm)
		memcpy((char *)t->skel->rodata->only_comm, o->comm, strlen(o->comm));
	return 0;
}

/* The same for forks. */
static int open_forks(struct trace *t, char *why, size_t len)
{
	const struct options *o = t->o;
	const struct forks_options forks = {
		.to = t->out,
		.json = o->json,
		.by_vma = o->sinks == COW_TO_VMAS,
		.by_caller = o->by_caller,
		.comm = o->comm,
		.regex = o->has_regex ? &o->regex : NULL,
		.columns = o->columns,
		.count = o->count,
	};
	struct cgroup_place place;
	int ret;

	t->fork_skel = cowforks_bpf__open();
	if (!t->fork_skel)
		err(EXIT_FAILURE, "cannot open the BPF object in this program");
	t->forks = forks_new(&forks);
	t->set.skeleton = t->fork_skel->skeleton;
	t->set.object = t->fork_skel->obj;
	t->set.look_up = t->fork_skel->progs.look_up;
	t->set.variables = BPF_VARIABLES(t->fork_skel);
	ret = set_cgroup(t, &place, why, len) ?: bpf_load_choose(&t->set, why, len);
	if (ret)
		return ret;
	t->fork_skel->rodata->only_cgroup = place.id;
	t->fork_skel->rodata->cgroup_level = place.level;
	t->fork_skel->rodata->only_pids = o->pids.nr || o->command;
	t->fork_skel->rodata->with_children = with_children(o);
	t->fork_skel->rodata->by_mapping = forks.by_vma;
	t->fork_skel->rodata->nr_cpus = libbpf_num_possible_cpus();
	return 0;
}

static int set_up(struct trace *t, char *why, size_t len)
{
	const struct options *o = t->o;
	int ret;
	size_t i;

	ret = o->forks ? open_forks(t, why, len) : open_faults(t, why, len);
	ret = ret ?: bpf_load_object(&t->set, why, len);
	if (!ret && o->command)
		ret = start_command(t, why, len);
	for (i = 0; !ret && i < o->pids.nr; i++)
		ret = watch_pid(t, o->pids.pid[i], why, len);
	if (!ret && o->command)
		ret = watch_pid(t, t->child, why, len);
	if (ret)
		return ret;
	if (!o->forks)
		ret = choose_sinks(t, o->pin ? COW_TO_HIST | COW_TO_VMAS : o->sinks ?: COW_TO_RING);
	if (ret) {
		snprintf(why, len, "cannot start watching: %s", strerror(-ret));
		return ret;
	}
	ret = bpf_load_attach(&t->set, why, len);
	return ret || !o->children ? ret : watch_descendants(t, why, len);
}

/* --- running ------------------------------------------------------------------------- */

static int on_event(void *context, void *data, size_t size)
{
	const struct cow_event *e = data;
	struct trace *t = context;

	if (t->stacks && stacks_on_event(t->stacks, data, size))
		return 0;
	if (size < sizeof(*e) || e->ending >= COW_NR_ENDINGS || e->mapping > COW_MAPPING_FILE)
		return 0;
	if (t->o->has_regex && regexec(&t->o->regex, e->comm, 0, NULL, 0) &&
	    (!e->remote || regexec(&t->o->regex, e->by_comm, 0, NULL, 0)))
		return 0;
	if (t->printed == t->o->count)
		return 0;
	t->printed++;
	if (t->o->json)
		print_fault_json(t->out, e);
	else
		print_fault(t->out, &t->o->columns, e);
	return ferror(t->out) ? -EIO : 0;
}

/* Has the command exited? Its exit status becomes ours. */
static bool command_exited(struct trace *t)
{
	int status;

	if (t->child <= 0 || waitpid(t->child, &status, WNOHANG) != t->child)
		return false;
	t->child = 0;
	t->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return true;
}

/*
 * Stop watching: no new fault is noted. Faults in flight get a moment to end. Those that have
 * not ended then are reported without a duration.
 */
static int finish(struct trace *t, struct ring_buffer *ring)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int ret;

	if (t->forks) {
		bpf_load_detach(&t->set);
		return ring_buffer__consume(ring);
	}
	ret = choose_sinks(t, 0);
	if (!ret)
		ret = ring_buffer__poll(ring, POLL_MS);
	if (ret >= 0 || ret == -EINTR)
		ret = ring_buffer__consume(ring);
	bpf_load_detach(&t->set);
	if (ret >= 0)
		ret = bpf_prog_test_run_opts(bpf_program__fd(t->skel->progs.sweep), &opts);
	return ret < 0 ? ret : ring_buffer__consume(ring);
}

static uint64_t printed(const struct trace *t)
{
	return t->forks ? forks_counts(t->forks).printed : t->printed;
}

static int run(struct trace *t, char *why, size_t len)
{
	const struct options *o = t->o;
	uint64_t end = o->duration ? now_ns() + o->duration * NS_PER_S : UINT64_MAX;
	struct ring_buffer *ring;
	int ret = 0;

	if (t->forks)
		ring = ring_buffer__new(bpf_map__fd(t->fork_skel->maps.events), forks_event,
					t->forks, NULL);
	else
		ring = ring_buffer__new(bpf_map__fd(t->skel->maps.events), on_event, t, NULL);
	if (!ring) {
		snprintf(why, len, "cannot read the ring buffer: %s", strerror(errno));
		return -errno;
	}
	if (t->forks)
		forks_header(t->forks);
	else if (!o->sinks && !o->json)
		print_fault_header(t->out, &o->columns);
	fflush(t->out);
	if (!o->command)
		fprintf(stderr, "cowtrace: watching, attached in %s; Ctrl-C ends it\n",
			format_duration(now_ns() - t->begin_ns).s);
	if (o->command && write(t->start_fd, "", 1) != 1)
		warn("cannot start %s", *o->command);
	while (ret >= 0 && !stopped && !command_exited(t) && now_ns() < end &&
	       printed(t) < o->count) {
		ret = ring_buffer__poll(ring, POLL_MS);
		if (ret == -EINTR)
			ret = 0;
		if (ret >= 0)
			ret = ring_buffer__consume(ring);
		if (t->stacks)
			stacks_load_again(t->stacks);
		if (t->forks)
			forks_load_again(t->forks);
		if ((!o->sinks || t->forks) && fflush(t->out))
			ret = -errno;
	}
	if (ret >= 0)
		ret = finish(t, ring);
	ring_buffer__free(ring);
	if (ret < 0)
		snprintf(why, len, "cannot print: %s", strerror(-ret));
	return ret < 0 ? ret : 0;
}

/* The exit status: that of the command, or else whether something was lost. */
static int exit_status(const struct trace *t, uint64_t lost)
{
	return t->status ?: lost ? EXIT_LOST : EXIT_SUCCESS;
}

/* How many forks have begun but not ended? */
static size_t unfinished_forks(const struct trace *t)
{
	const struct bpf_map *map = t->fork_skel->maps.forks;
	uint64_t key, *previous = NULL;
	size_t n = 0;

	for (; n < bpf_map__max_entries(map); n++, previous = &key)
		if (bpf_map_get_next_key(bpf_map__fd(map), previous, &key))
			break;
	return n;
}

/* The same as summarize(), for forks. */
static int summarize_forks(const struct trace *t)
{
	struct forks_counts n = forks_counts(t->forks);
	uint64_t lost = t->fork_skel->bss->lost + n.dropped + bpf_load_missed(&t->set);
	size_t unfinished = unfinished_forks(t);

	forks_sums(t->forks);
	if (fflush(t->out) || ferror(t->out)) {
		warn("cannot write");
		return EXIT_FAILURE;
	}
	fprintf(stderr, "cowtrace: %" PRIu64 " forks, %" PRIu64 " lost", n.printed, lost);
	if (n.without_stack)
		fprintf(stderr, ", %" PRIu64 " without a stack", n.without_stack);
	if (unfinished)
		fprintf(stderr, ", %zu had not ended", unfinished);
	fputc('\n', stderr);
	return exit_status(t, lost);
}

/* Print the sums and the closing line. Return: the exit status. */
static int summarize(const struct trace *t)
{
	const struct sums_options sums = {
		.to = t->out,
		.json = t->o->json,
		.by_pid = t->o->by_pid,
		.merge = t->o->merge,
		.comm = t->o->has_regex ? &t->o->regex : NULL,
	};
	uint64_t lost = t->skel->bss->lost + bpf_load_missed(&t->set),
		 untimed = t->skel->bss->untimed;
	uint64_t faults = t->printed, begin_ns = now_ns();
	struct rusage usage;

	if (t->o->sinks == COW_TO_HIST)
		faults = print_hists(&sums, bpf_map__fd(t->skel->maps.hists));
	else if (t->o->sinks == COW_TO_VMAS)
		faults = print_vmas(&sums, bpf_map__fd(t->skel->maps.vmas));
	else if (t->o->sinks == COW_TO_STACKS)
		faults = stacks_print(t->stacks, bpf_map__fd(t->skel->maps.stack_sums),
				      bpf_map__fd(t->skel->maps.stacks),
				      t->skel->bss->samples_lost);
	if (t->stacks && t->o->verbose && !getrusage(RUSAGE_SELF, &usage))
		fprintf(stderr, "cowtrace: functions named in %s; %s of memory at most\n",
			format_duration(now_ns() - begin_ns).s,
			format_size(usage.ru_maxrss * 1024ULL).s);
	if (t->svg && (fflush(t->svg) || ferror(t->svg))) {
		warn("cannot write %s", t->o->svg);
		return EXIT_FAILURE;
	}
	if (fflush(t->out) || ferror(t->out)) {
		warn("cannot write");
		return EXIT_FAILURE;
	}
	fprintf(stderr, "cowtrace: %" PRIu64 " faults, %" PRIu64 " lost", faults, lost);
	if (untimed)
		fprintf(stderr, ", %" PRIu64 " of unknown duration", untimed);
	fputc('\n', stderr);
	return exit_status(t, lost);
}

static int trace(const struct options *o)
{
	struct trace t = {
		.o = o, .set.verbose = o->verbose, .start_fd = -1, .begin_ns = now_ns()
	};
	struct sigaction stop = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND };
	int ret, status = EXIT_FAILURE;
	char why[1024];

	t.out = options_output(o->output);
	ret = check_pids(&o->pids, why, sizeof(why));
	ret = ret ?: bpf_load_check(why, sizeof(why));
	if (ret)
		goto tell;
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
			status = t.forks ? summarize_forks(&t) : summarize(&t);
	}
	bpf_load_detach(&t.set);
	if (t.start_fd >= 0)
		close(t.start_fd);
	stacks_free(t.stacks);
	cowtrace_bpf__destroy(t.skel);
	cowforks_bpf__destroy(t.fork_skel);
	forks_free(t.forks);
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
	free(o.pids.pid);
	return status;
}
