// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "bpf_load.h"
#include "kernel_text.h"
#include "procfs.h"
#include "uapi/cowstat.h"

#define VMLINUX_BTF	"/sys/kernel/btf/vmlinux"
#define LOCKDOWN	"/sys/kernel/security/lockdown"
#define KALLSYMS	"/proc/kallsyms"
#define KPTR_RESTRICT	"/proc/sys/kernel/kptr_restrict"
#define UNPRIVILEGED	"/proc/sys/kernel/unprivileged_bpf_disabled"
#define BPF_FS_TYPE	0xcafe4a11
#define CAP_SYS_ADMIN_BIT 21
#define CAP_PERFMON_BIT	38
#define CAP_BPF_BIT	39

#define MAX_CANDIDATES	3

/*
 * What the programs must do: each need is met by the first of several programs that fits.
 *
 * @program: names of the candidates; the first one that fits the kernel is loaded. An object
 *	without any of these programs ignores the need
 * @hook: if no candidate fits, the columns of this hook are not known
 * @required: if no candidate fits, nothing is loaded
 * @without: what is missing without it, for the message to the user
 */
static const struct need {
	const char *program[MAX_CANDIDATES];
	enum cowstat_hook hook;
	bool required;
	const char *without;
} needs[] = {
	{ { "wp_entry", "wp_entry_kprobe" }, COWSTAT_HOOK_WP, true, "all faults" },
	{ { "wp_exit" }, COWSTAT_HOOK_WP, true, "all faults" },
	{ { "cleared", "cleared_kprobe" }, COWSTAT_HOOK_COPY, true, "whether a page was copied" },
	{ { "copy_added", "copy_added_page", "copy_added_kprobe" },
	  COWSTAT_HOOK_COPY,
	  true,
	  "whether a page was copied" },
	{ { "made_writable", "made_writable_kprobe" },
	  COWSTAT_HOOK_REUSE,
	  true,
	  "whether a page was reused" },
	{ { "on_fork" }, COWSTAT_HOOK_FORK, true, "who forked whom" },
	{ { "fork_made" }, COWSTAT_HOOK_FORK, true, "who forked whom" },
	{ { "on_exec" }, COWSTAT_HOOK_EXEC, true, "execs" },
	{ { "on_exit", "on_exit_btf" }, COWSTAT_HOOK_EXIT, true, "who has exited" },
	{ { "thp_entry" }, COWSTAT_HOOK_THP, false, "thp_*" },
	{ { "thp_exit" }, COWSTAT_HOOK_THP, false, "thp_*" },
	{ { "thp_splits" }, COWSTAT_HOOK_THP, false, "thp_*" },
	{ { "thp_made_writable" }, COWSTAT_HOOK_THP, false, "thp_*" },
	{ { "hugetlb_entry", "hugetlb_entry_kprobe" }, COWSTAT_HOOK_HUGETLB, false, "hugetlb_*" },
	{ { "hugetlb_exit", "hugetlb_exit_kprobe" }, COWSTAT_HOOK_HUGETLB, false, "hugetlb_*" },
	{ { "hugetlb_added", "hugetlb_added_page", "hugetlb_added_kprobe" },
	  COWSTAT_HOOK_HUGETLB,
	  false,
	  "hugetlb_*" },
	{ { "fork_entry" }, COWSTAT_HOOK_PINNED, false, "fork_ns, fork_copied" },
	{ { "fork_entry" }, COWSTAT_HOOK_FAILED, false, "forks_failed" },
	{ { "fork_begins" }, COWSTAT_HOOK_FORK, true, "who forks" },
	{ { "mapping_entered" }, COWSTAT_HOOK_FORK, false, "which mapping fork copied" },
	{ { "mapping_copied" }, COWSTAT_HOOK_FORK, false, "which mapping fork copied" },
};

#define NR_NEEDS	(sizeof(needs) / sizeof(needs[0]))

/*
 * Fields of the kernel's structs that programs know by two names. If a kernel has neither, the
 * programs would not load. Checking it here gives a clearer message than the verifier's.
 */
static const struct field {
	const char *type[2], *name[2];
} fields[] = {
	{ { "page", "page" }, { "compound_head", "compound_info" } },
	{ { "folio", "page" }, { "mapping", "mapping" } },
	{ { "vm_area_struct", "vm_area_struct" }, { "vm_flags", "flags" } },
	{ { "vm_area_struct" }, { "anon_vma" } },
	{ { "mm_struct" }, { "rss_stat" } },
};

#define NR_FIELDS	(sizeof(fields) / sizeof(fields[0]))

/*
 * Functions that map copies of a kind of page, each with one call of *_add_new_anon_rmap(), and
 * the program that counts behind this call. There are two functions of uprobes. Only one of them
 * has the call; from 6.16 on neither has it.
 */
static const struct copier {
	const char *program;
	const char *function;
	bool may_have_none;
} copiers[] = {
	{ "file_copied", "set_pte_range", false },   { "file_copied", "do_set_pte", false },
	{ "file_copied", "__replace_page", true },   { "file_copied", "uprobe_write_opcode", true },
	{ "fork_copied", "copy_page_range", false },
};

#define NR_COPIERS	(sizeof(copiers) / sizeof(copiers[0]))

/* Names of one function in different kernels; the first one that the kernel has is used. */
static const char *const anon_rmap[] = { "folio_add_new_anon_rmap", "page_add_new_anon_rmap",
					 NULL };
static const char *const hugetlb_rmap[] = { "hugetlb_add_new_anon_rmap",
					    "hugepage_add_new_anon_rmap", NULL };

/* The first error message of libbpf. Later messages are only consequences of the same error. */
static char complaint[256];
static bool show_all;

__attribute__((format(printf, 2, 0))) static int listen(enum libbpf_print_level level,
							const char *format, va_list args)
{
	va_list copy;

	if (level == LIBBPF_DEBUG)
		return 0;
	if (level == LIBBPF_WARN && !*complaint) {
		va_copy(copy, args);
		vsnprintf(complaint, sizeof(complaint), format, copy);
		va_end(copy);
		complaint[strcspn(complaint, "\n")] = '\0';
	}
	if (show_all)
		vfprintf(stderr, format, args);
	return 0;
}

__attribute__((format(printf, 4, 5))) static int refuse(int ret, char *err, size_t errlen,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err, errlen, format, args);
	va_end(args);
	return ret;
}

static bool locked_down(void)
{
	char line[128];

	procfs_line(LOCKDOWN, NULL, line, sizeof(line));
	return strstr(line, "[confidentiality]");
}

/* A hint to append to an error message, if we cannot see whether the kernel is locked down. */
static const char *ask_lockdown(void)
{
	return access(LOCKDOWN, R_OK) ?
		       ". Is it locked down? To see it: mount -t securityfs none /sys/kernel/security" :
		       "";
}

static bool may_load(void)
{
	unsigned long long caps;
	char line[32];

	procfs_line("/proc/self/status", "CapEff", line, sizeof(line));
	caps = strtoull(line, NULL, 16);
	return caps >> CAP_SYS_ADMIN_BIT & 1 ||
	       (caps >> CAP_BPF_BIT & 1 && caps >> CAP_PERFMON_BIT & 1);
}

/*
 * The programs read variables of the kernel whose addresses are in /proc/kallsyms. Without
 * them they cannot recognise the zero page, or count the pages of an mm. If the kernel hides its
 * addresses from us, all of them are 0. Addresses of per-CPU variables are small numbers, but not
 * 0.
 */
static bool addresses_hidden(void)
{
	unsigned long long address = 0;
	char line[512];
	FILE *f = fopen(KALLSYMS, "re");

	while (f && !address && fgets(line, sizeof(line), f))
		sscanf(line, "%llx", &address);
	if (f)
		fclose(f);
	return !address;
}

/**
 * bpf_load_check() - can BPF programs be loaded here at all?
 * @err: if not, why, and what to do about it
 * @errlen: size of @err
 *
 * Return: 0, -EPERM, -ENOENT without BTF, or -EOPNOTSUPP on an old kernel.
 */
int bpf_load_check(char *err, size_t errlen)
{
	struct utsname name;
	unsigned int major, minor;
	char line[64];

	libbpf_set_print(listen);
	if (!uname(&name) && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	    (major < 5 || (major == 5 && minor < 17)))
		return refuse(-EOPNOTSUPP, err, errlen,
			      "Linux %s is too old: the BPF programs need 5.17 or later. The module may do: insmod cowstat.ko",
			      name.release);
	if (!may_load()) {
		procfs_line(UNPRIVILEGED, NULL, line, sizeof(line));
		return refuse(-EPERM, err, errlen,
			      "loading BPF programs that watch the kernel needs root, or CAP_BPF, CAP_PERFMON and CAP_SYSLOG, whatever kernel.unprivileged_bpf_disabled is (here: %s). Try: sudo",
			      *line ? line : "not there");
	}
	if (locked_down())
		return refuse(-EPERM, err, errlen,
			      "the kernel is locked down (%s: confidentiality), so no BPF program may read its memory. Boot with lockdown=integrity or none; Secure Boot alone does not ask for more",
			      LOCKDOWN);
	if (addresses_hidden()) {
		procfs_line(KPTR_RESTRICT, NULL, line, sizeof(line));
		return refuse(-EPERM, err, errlen,
			      "the kernel hides its addresses from us (%s), and the BPF programs need some: CAP_SYSLOG shows them, where kernel.kptr_restrict is not 2 (here: %s). It may be 2 again once they are loaded",
			      KALLSYMS, *line ? line : "not there");
	}
	if (access(VMLINUX_BTF, R_OK))
		return refuse(-ENOENT, err, errlen,
			      "%s is not there: this kernel was built without CONFIG_DEBUG_INFO_BTF. Distribution kernels have it; or use the module: insmod cowstat.ko",
			      VMLINUX_BTF);
	if (procfs_kprobes_are_off())
		return refuse(-EPERM, err, errlen,
			      "all kprobes are switched off, so that the BPF programs would miss forks and more. To switch them on: echo 1 | sudo tee %s",
			      PROCFS_KPROBES_ENABLED);
	return 0;
}

/* What a program is attached to, and by what: the two parts of its section's name. */
static const char *section_of(const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program);

	return section + (*section == '?');
}

static const char *target_of(const struct bpf_program *program)
{
	const char *slash = strrchr(section_of(program), '/');

	return slash ? slash + 1 : NULL;
}

static bool is_by(const struct bpf_program *program, const char *kind)
{
	const char *section = section_of(program);
	size_t len = strlen(kind);

	return !strncmp(section, kind, len) && (!section[len] || section[len] == '/');
}

/* On PREEMPT_RT a page-table lock does not disable preemption: see bpf/cow.bpf.h. */
static bool preempts_everywhere(void)
{
	char line[16];

	procfs_line("/sys/kernel/realtime", NULL, line, sizeof(line));
	return *line == '1';
}

/* How many arguments a function takes; negative when BTF does not have it. */
static int nr_arguments(const struct btf *btf, const char *function)
{
	int id = btf__find_by_name_kind(btf, function, BTF_KIND_FUNC);

	return id < 0 ? id : btf_vlen(btf__type_by_id(btf, btf__type_by_id(btf, id)->type));
}

/* Does tracefs show us the tracepoint of a program, SECTION/SYSTEM/NAME? */
static bool has_tracepoint(const struct bpf_program *program)
{
	static const char *const roots[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		snprintf(path, sizeof(path), "%s/events/%s/id", roots[i],
			 strchr(section_of(program), '/') + 1);
		if (!access(path, R_OK))
			return true;
	}
	return false;
}

/* Can a program be attached here? Before 6.6 a BPF trampoline can pass only six arguments. */
static bool fits(const struct bpf_set *set, const struct btf *btf,
		 const struct bpf_program *program)
{
	const char *target = target_of(program);
	char name[128];
	int args;

	if (is_by(program, "tp"))
		return has_tracepoint(program);
	if (is_by(program, "tp_btf")) {
		snprintf(name, sizeof(name), "btf_trace_%s", target);
		return btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) > 0;
	}
	if (is_by(program, "fentry") || is_by(program, "fexit")) {
		args = nr_arguments(btf, target);
		return args >= 0 && args <= 6 &&
		       !(is_by(program, "fentry") && preempts_everywhere());
	}
	if (is_by(program, "kprobe.multi") &&
	    btf__find_by_name_kind(btf, "bpf_kprobe_multi_link", BTF_KIND_STRUCT) < 0)
		return false;
	return !target || kernel_text_has(set->kernel, target);
}

static struct bpf_program *program_of(const struct bpf_set *set, const char *name)
{
	return name ? bpf_object__find_program_by_name(set->object, name) : NULL;
}

/*
 * Load the first candidate that fits, and no other. Return NULL if one fits, or if the object has
 * no candidate. If none fits, return the object's first candidate, for the error message.
 */
static struct bpf_program *choose(const struct bpf_set *set, const struct btf *btf,
				  const struct need *need)
{
	struct bpf_program *first = NULL, *program;
	bool chosen = false, fit;

	for (int i = 0; i < MAX_CANDIDATES; i++) {
		program = program_of(set, need->program[i]);
		if (!program)
			continue;
		first = first ?: program;
		fit = !chosen && fits(set, btf, program);
		bpf_program__set_autoload(program, fit);
		chosen = chosen || fit;
	}
	return chosen ? NULL : first;
}

static bool has_member(const struct btf *btf, int id, const char *name)
{
	const struct btf_type *type = btf__type_by_id(btf, id);
	const struct btf_member *m;

	if (!type || !(btf_is_struct(type) || btf_is_union(type)))
		return false;
	for (m = btf_members(type); m < btf_members(type) + btf_vlen(type); m++) {
		const char *is = btf__name_by_offset(btf, m->name_off);

		if (*is ? !strcmp(is, name) : has_member(btf, m->type, name))
			return true;
	}
	return false;
}

static bool has_field(const struct btf *btf, const char *type, const char *name)
{
	int id = type ? btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT) : -1;

	return id > 0 && has_member(btf, id, name);
}

/* Do the kernel's structs and page size match what the programs know? */
static int check_shapes(const struct btf *btf, char *err, size_t errlen)
{
	const struct field *f;

	if (sysconf(_SC_PAGESIZE) != COWSTAT_PAGE_BYTES)
		return refuse(-EOPNOTSUPP, err, errlen,
			      "pages are %ld bytes here: the BPF programs know only %llu",
			      sysconf(_SC_PAGESIZE), COWSTAT_PAGE_BYTES);
	for (f = fields; f < fields + NR_FIELDS; f++)
		if (!has_field(btf, f->type[0], f->name[0]) &&
		    !has_field(btf, f->type[1], f->name[1]))
			return refuse(-EOPNOTSUPP, err, errlen,
				      "this kernel's struct %s has no %s%s%s: the BPF programs do not know its new shape. Use the module here: insmod cowstat.ko",
				      f->type[0], f->name[0], f->name[1] ? ", and no " : "",
				      f->name[1] ?: "");
	return 0;
}

/*
 * Tell the programs which callers count. attach_copiers() may put kprobes behind the calls of
 * those that copy file pages and pinned pages; the ranges of these are then not used.
 */
static int tell_callers(struct bpf_set *set, const struct btf *btf, char *err, size_t errlen)
{
	static const char *const copy[] = { "wp_page_copy", "do_wp_page", NULL };
	static const char *const hugetlb[] = { "hugetlb_wp", NULL };
	static const char *const thp[] = { "do_huge_pmd_wp_page", NULL };
	static const char *const file[] = { "set_pte_range", "do_set_pte", "__replace_page",
					    "uprobe_write_opcode", NULL };
	static const char *const forks[] = { "copy_page_range", NULL };
	struct bpf_variables *v = &set->variables;
	int args = nr_arguments(btf, "hugetlb_wp");

	if (args > 0)
		*v->hugetlb_wp_args = args;
	if (kernel_text_ranges(set->kernel, copy, v->copy_callers) > COW_MAX_RANGES ||
	    kernel_text_ranges(set->kernel, hugetlb, v->hugetlb_callers) > COW_MAX_RANGES ||
	    kernel_text_ranges(set->kernel, thp, v->thp_callers) > COW_MAX_RANGES ||
	    kernel_text_ranges(set->kernel, file, v->file_callers) > COW_MAX_RANGES ||
	    kernel_text_ranges(set->kernel, forks, v->fork_callers) > COW_MAX_RANGES)
		return refuse(-E2BIG, err, errlen,
			      "this kernel's functions are in more parts than expected (%s): please report it",
			      KALLSYMS);
	if (!v->file_callers->size)
		set->hooks &= ~(1U << COWSTAT_HOOK_FILE);
	if (!v->fork_callers->size)
		set->hooks &= ~(1U << COWSTAT_HOOK_PINNED);
	return 0;
}

/* Tell the programs where the variables are that they read. */
static int tell_variables(struct bpf_set *set, char *err, size_t errlen)
{
	struct cow_variables *to = set->variables.kernel;

	to->zero_pfn = kernel_text_variable(set->kernel, "zero_pfn");
	if (!to->zero_pfn)
		to->zero_pfn = kernel_text_variable(set->kernel, "zero_page_pfn");
	to->vmemmap_base = kernel_text_variable(set->kernel, "vmemmap_base");
	to->per_cpu_offset = kernel_text_variable(set->kernel, "__per_cpu_offset");
	if (to->zero_pfn && to->vmemmap_base && to->per_cpu_offset)
		return 0;
	return refuse(-ENOENT, err, errlen,
		      "%s does not show this kernel's %s, which the BPF programs read. Use the module here: insmod cowstat.ko",
		      KALLSYMS,
		      !to->zero_pfn	? "zero_pfn" :
		      !to->vmemmap_base ? "vmemmap_base" :
					  "__per_cpu_offset");
}

/**
 * bpf_load_choose() - choose the programs whose functions this kernel has
 * @set: its object is opened, not yet loaded
 * @err: on error, which function is missing, and what is missing without it
 * @errlen: size of @err
 *
 * Sets @set->hooks. Reports on stderr what is missing but not required.
 *
 * Return: 0; -ENOENT when a required function is not there; another negative errno.
 */
int bpf_load_choose(struct bpf_set *set, char *err, size_t errlen)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct bpf_program *missing;
	const struct need *need;
	bool told;
	int ret;

	if (!btf)
		return refuse(-errno, err, errlen,
			      "cannot read the kernel's BTF from %s: %s. Is something mounted over it? Or use the module: insmod cowstat.ko",
			      VMLINUX_BTF, strerror(errno));
	set->hooks = (1U << COWSTAT_NR_HOOKS) - 1;
	set->hooks &= ~(1U << COWSTAT_HOOK_TIME); /* the table's programs do not time */
	set->kernel = kernel_text_read();
	if (!set->kernel)
		ret = refuse(-errno, err, errlen, "cannot read %s: %s", KALLSYMS, strerror(errno));
	else
		ret = check_shapes(btf, err, errlen);
	if (!ret)
		ret = tell_variables(set, err, errlen) ?: tell_callers(set, btf, err, errlen);
	for (need = needs; need < needs + NR_NEEDS && !ret; need++) {
		missing = choose(set, btf, need);
		if (!missing)
			continue;
		told = !(set->hooks & 1U << need->hook);
		set->hooks &= ~(1U << need->hook);
		if (need->required && is_by(missing, "tp"))
			ret = refuse(-ENOENT, err, errlen,
				     "no tracepoint %s, without which %s cannot be told. Tracepoints are found in tracefs, as root: mount -t tracefs none /sys/kernel/tracing%s",
				     target_of(missing), need->without, ask_lockdown());
		else if (need->required)
			ret = refuse(-ENOENT, err, errlen,
				     "this kernel has no %s to attach %s to, without which %s cannot be told: the compiler may have inlined it. Use the module here: insmod cowstat.ko",
				     target_of(missing) ?: "function", section_of(missing),
				     need->without);
		else if (!told)
			warnx("this kernel has no %s: without it, %s is not known",
			      target_of(missing) ?: need->program[0], need->without);
	}
	for (size_t i = 0; i < NR_COPIERS; i++)
		if (program_of(set, copiers[i].program))
			bpf_program__set_autoload(program_of(set, copiers[i].program), true);
	if (program_of(set, "fork_returned"))
		bpf_program__set_autoload(program_of(set, "fork_returned"),
					  kernel_text_has(set->kernel, "copy_process"));
	if (program_of(set, "anon_added"))
		bpf_program__set_autoload(program_of(set, "anon_added"), true);
	bpf_program__set_autoload(set->look_up, true);
	btf__free(btf);
	return ret;
}

static struct bpf_prog_info info_of(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	if (bpf_program__fd(program) >= 0)
		bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len);
	return info;
}

/**
 * bpf_load_id() - get the kernel's id of a program
 * @program: loaded, or left out
 *
 * Return: its id; 0 if it was left out.
 */
uint32_t bpf_load_id(const struct bpf_program *program)
{
	return info_of(program).id;
}

/**
 * bpf_load_missed() - get an upper bound of the events that no program has seen
 * @set: loaded; it may be detached
 *
 * Counts the calls that the kernel has skipped, except those of programs at exits: without an exit
 * only a duration is lost, not a fault. It is an upper bound, since a skipped call may belong to a
 * process that is not watched.
 *
 * Return: that number.
 */
uint64_t bpf_load_missed(const struct bpf_set *set)
{
	struct bpf_program *program;
	uint64_t missed = 0;

	bpf_object__for_each_program(program, set->object)
		if (!is_by(program, "fexit") && !is_by(program, "kretprobe"))
			missed += info_of(program).recursion_misses;
	return missed;
}

/* Print how many instructions the verifier has processed; it rejects programs at a million. */
static void tell_verified(const struct bpf_program *program)
{
	struct bpf_prog_info info = info_of(program);

	if (info.id)
		fprintf(stderr, "%-20s %-38s %6u verified instructions, %5u bytes of code\n",
			bpf_program__name(program), bpf_program__section_name(program),
			info.verified_insns, info.jited_prog_len);
}

/**
 * bpf_load_object() - load the chosen programs into the kernel
 * @set: after bpf_load_choose()
 * @err: on error, why, and what to do about it
 * @errlen: size of @err
 *
 * RLIMIT_MEMLOCK does not matter: since 5.11 the memory cgroup limits the memory of BPF, and
 * bpf_load_check() has refused older kernels.
 *
 * Return: 0 or a negative errno.
 */
int bpf_load_object(struct bpf_set *set, char *err, size_t errlen)
{
	struct bpf_program *program;
	int ret;

	show_all = set->verbose;
	*complaint = '\0';
	ret = bpf_object__load_skeleton(set->skeleton);
	if (ret)
		return refuse(ret, err, errlen, "the kernel refused the BPF programs: %s. %s%s",
			      strerror(-ret), complaint,
			      strstr(complaint, "BTF objects") ?
				      ". This kernel has no bpf_rdonly_cast(): CAP_SYS_ADMIN is needed, too" :
				      ask_lockdown());
	bpf_object__for_each_program(program, set->object)
		if (set->verbose)
			tell_verified(program);
	return 0;
}

/* Run the program look_up: it copies the kernel's variables, and the kernel's text at @address. */
static int look_up(struct bpf_set *set, uint64_t address)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int ret;

	*set->variables.text_address = address;
	ret = bpf_prog_test_run_opts(bpf_program__fd(set->look_up), &opts);
	return ret ?: opts.retval ? -EIO : 0;
}

static int keep_link(struct bpf_set *set, struct bpf_program *program, struct bpf_link *link,
		     char *err, size_t errlen)
{
	int ret = -errno;

	if (!link)
		return refuse(ret, err, errlen, "cannot attach %s to %s: %s%s",
			      bpf_program__name(program), section_of(program), strerror(-ret),
			      ret == -EACCES ?
				      ". With kernel.perf_event_paranoid above 2 only root may set a kprobe" :
				      "");
	if (set->nr == BPF_LOAD_MAX_LINKS) {
		bpf_link__destroy(link);
		return refuse(-E2BIG, err, errlen, "more programs than expected");
	}
	set->program[set->nr] = program;
	set->link[set->nr++] = link;
	return 0;
}

/* The offset of a register in struct pt_regs, by its number in x86 instructions. */
static size_t register_offset(int number)
{
	/* r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di, a word each */
	static const unsigned char word[16] = {
		10, 11, 12, 5, 15, 4, 13, 14, 9, 8, 7, 6, 3, 2, 1, 0
	};

	return word[number & 15] * 8;
}

/* Attach a kprobe at an offset in a function. The cookie tells where the VMA is. */
static int attach_at(struct bpf_set *set, struct bpf_program *program, const char *function,
		     const struct call_site *site, char *err, size_t errlen)
{
	LIBBPF_OPTS(bpf_kprobe_opts, opts);

	if (site) {
		opts.offset = site->offset;
		opts.bpf_cookie = COW_COOKIE(register_offset(site->base), site->in_memory,
					     site->displacement);
	}
	return keep_link(set, program, bpf_program__attach_kprobe_opts(program, function, &opts),
			 err, errlen);
}

/* Attach a kprobe at the beginning of the first of these functions that exists. */
static int attach_first(struct bpf_set *set, const char *name, const char *const *functions,
			char *err, size_t errlen)
{
	struct bpf_program *program = program_of(set, name);

	while (*functions && !kernel_text_has(set->kernel, *functions))
		functions++;
	if (!*functions || !program || !bpf_program__autoload(program))
		return 0;
	return attach_at(set, program, *functions, NULL, err, errlen);
}

/*
 * Attach the programs that count copies of file pages and of pinned pages, behind the calls that
 * add these pages. If the text of one caller is not as expected, attach to the function that all
 * of them call instead.
 */
static int attach_copiers(struct bpf_set *set, char *err, size_t errlen)
{
	struct call_site site[NR_COPIERS] = {};
	struct cow_range range;
	bool found = true;
	size_t i;
	int ret = 0;

	for (i = 0; i < NR_COPIERS; i++) {
		struct bpf_program *program = program_of(set, copiers[i].program);

		if (!program || !bpf_program__autoload(program) ||
		    !kernel_text_function(set->kernel, copiers[i].function, &range))
			continue;
		ret = look_up(set, range.start);
		if (ret)
			return refuse(ret, err, errlen, "cannot read the text of %s()",
				      copiers[i].function);
		ret = kernel_text_site(set->kernel, &range, set->variables.text, &site[i]);
		if (ret < 0 || (!ret && !copiers[i].may_have_none))
			found = false;
		ret = 0;
		if (set->verbose)
			fprintf(stderr, "%-20s %s()+0x%zx%s\n", copiers[i].program,
				copiers[i].function, site[i].offset,
				found ? "" : ": not as expected");
	}
	if (!found)
		return attach_first(set, "anon_added", anon_rmap, err, errlen);
	for (i = 0; i < NR_COPIERS && !ret; i++)
		if (site[i].offset)
			ret = attach_at(set, program_of(set, copiers[i].program),
					copiers[i].function, &site[i], err, errlen);
	return ret;
}

/*
 * Attach the program that counts failed forks, behind the call of copy_process() in
 * kernel_clone(). If that call is not found, attach to all returns of copy_process(), which makes
 * each fork slower.
 */
static int attach_returned(struct bpf_set *set, char *err, size_t errlen)
{
	static const char *const copy_process[] = { "copy_process", NULL };
	static const char kernel_clone[] = "kernel_clone";
	struct bpf_program *program = program_of(set, "fork_returned");
	LIBBPF_OPTS(bpf_kprobe_opts, opts, .retprobe = true);
	const char *function = *copy_process;
	struct cow_range range;
	int ret;

	if (!program || !bpf_program__autoload(program))
		return 0;
	if (kernel_text_function(set->kernel, kernel_clone, &range)) {
		ret = look_up(set, range.start);
		if (ret)
			return refuse(ret, err, errlen, "cannot read the text of %s()",
				      kernel_clone);
		if (kernel_text_call(set->kernel, &range, set->variables.text, copy_process,
				     &opts.offset) == 1) {
			function = kernel_clone;
			opts.retprobe = false;
		}
	}
	if (set->verbose)
		fprintf(stderr, "%-20s %s()+0x%zx%s\n", bpf_program__name(program), function,
			opts.offset, opts.retprobe ? ", returns: not as expected" : "");
	return keep_link(set, program, bpf_program__attach_kprobe_opts(program, function, &opts),
			 err, errlen);
}

static int attach_program(struct bpf_set *set, struct bpf_program *program, char *err,
			  size_t errlen)
{
	const char *target = target_of(program);
	LIBBPF_OPTS(bpf_kprobe_multi_opts, opts, .syms = &target, .cnt = 1);

	if (!bpf_program__autoload(program) || !bpf_program__autoattach(program) ||
	    bpf_program__expected_attach_type(program) == BPF_TRACE_ITER ||
	    program == set->look_up || !target)
		return 0;
	return keep_link(set, program,
			 is_by(program, "kprobe.multi") ?
				 bpf_program__attach_kprobe_multi_opts(program, NULL, &opts) :
				 bpf_program__attach(program),
			 err, errlen);
}

/**
 * bpf_load_attach() - attach all programs that were loaded, except iterators
 * @set: after bpf_load_object()
 * @err: on error, which one could not be attached, and why
 * @errlen: size of @err
 *
 * Return: 0, or a negative errno; then none is attached.
 */
int bpf_load_attach(struct bpf_set *set, char *err, size_t errlen)
{
	struct bpf_program *program;
	int ret = look_up(set, 0);

	if (ret)
		return refuse(ret, err, errlen,
			      "the kernel's zero_pfn or vmemmap_base cannot be read");
	/* clang-format off */
	ret = attach_copiers(set, err, errlen) ?:
	      attach_returned(set, err, errlen) ?:
	      attach_first(set, "copy_added_kprobe", anon_rmap, err, errlen) ?:
	      attach_first(set, "hugetlb_added_kprobe", hugetlb_rmap, err, errlen);
	/* clang-format on */
	bpf_object__for_each_program(program, set->object)
		if (!ret)
			ret = attach_program(set, program, err, errlen);
	if (ret)
		bpf_load_detach(set);
	return ret;
}

/**
 * bpf_load_detach() - close all links; programs whose links are pinned stay attached
 * @set: may be empty
 */
void bpf_load_detach(struct bpf_set *set)
{
	while (set->nr)
		bpf_link__destroy(set->link[--set->nr]);
	kernel_text_free(set->kernel);
	set->kernel = NULL;
}

static int make_dir(const char *dir, char *err, size_t errlen)
{
	char parent[PATH_MAX], *slash;
	struct statfs fs;

	snprintf(parent, sizeof(parent), "%s", dir);
	slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent] = '\0';
	if (!slash || statfs(parent, &fs) || (unsigned int)fs.f_type != BPF_FS_TYPE)
		return refuse(-EINVAL, err, errlen,
			      "%s is not in a BPF file system: give a path like /sys/fs/bpf/NAME, and if that is not mounted: mount -t bpf bpf /sys/fs/bpf",
			      dir);
	if (!mkdir(dir, 0700))
		return 0;
	if (errno == EEXIST)
		return refuse(-EEXIST, err, errlen,
			      "%s is there already, and stays as it is: unpin it first", dir);
	return refuse(-errno, err, errlen, "cannot make %s: %s", dir, strerror(errno));
}

static int make_dirs(const char *dir, char *err, size_t errlen)
{
	static const char *const parts[] = { "links", "maps", "progs" };
	char path[PATH_MAX];
	size_t i;
	int ret = make_dir(dir, err, errlen);

	for (i = 0; !ret && i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, parts[i]);
		if (mkdir(path, 0700))
			ret = refuse(-errno, err, errlen, "cannot make %s: %s", path,
				     strerror(errno));
	}
	return ret;
}

/**
 * bpf_load_pin() - pin links, maps and programs, so that they outlive us
 * @set: attached
 * @dir: a directory to create in a BPF file system
 * @err: on error, why
 * @errlen: size of @err
 *
 * Creates DIR/links/PROGRAM, DIR/maps/MAP and DIR/progs/PROGRAM. On error removes all of them.
 *
 * Return: 0, -EEXIST if @dir is there already, or another negative errno.
 */
int bpf_load_pin(struct bpf_set *set, const char *dir, char *err, size_t errlen)
{
	char path[PATH_MAX], why[64];
	struct bpf_map *map;
	size_t i;
	int ret = make_dirs(dir, err, errlen);

	if (ret == -EEXIST || ret == -EINVAL)
		return ret;
	for (i = 0; !ret && i < set->nr; i++) {
		const char *name = bpf_program__name(set->program[i]);

		/* a program may be attached in several places */
		size_t nth = 1;

		for (size_t j = 0; j < i; j++)
			nth += set->program[j] == set->program[i];
		snprintf(path, sizeof(path), nth > 1 ? "%s/links/%s_%zu" : "%s/links/%s", dir, name,
			 nth);
		ret = bpf_link__pin(set->link[i], path);
		if (ret)
			break;
		if (nth > 1)
			continue;
		snprintf(path, sizeof(path), "%s/progs/%s", dir, name);
		ret = bpf_obj_pin(bpf_program__fd(set->program[i]), path);
	}
	if (!ret) {
		bpf_object__for_each_map(map, set->object) {
			const char *name = bpf_map__name(map);
			const char *dot = strrchr(name, '.'); /* a section of globals */

			snprintf(path, sizeof(path), "%s/maps/%s", dir, dot ? dot + 1 : name);
			ret = bpf_obj_pin(bpf_map__fd(map), path);
			if (ret)
				break;
		}
	}
	if (!ret)
		return 0;
	refuse(ret, err, errlen, "cannot pin %s: %s", path, strerror(-ret));
	bpf_load_unpin(dir, why, sizeof(why));
	return ret;
}

/* Remove everything in a directory of pins, and in its subdirectories. */
static int empty_dir(const char *dir, int depth)
{
	DIR *d = opendir(dir);
	char path[PATH_MAX];
	struct dirent *e;
	int ret = 0;

	if (!d)
		return -errno;
	while (!ret && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_type == DT_DIR && depth)
			ret = empty_dir(path, depth - 1) ?: (rmdir(path) ? -errno : 0);
		else if (unlink(path))
			ret = -errno;
	}
	closedir(d);
	return ret;
}

/**
 * bpf_load_unpin() - remove a directory of pins; programs that nothing else holds are detached
 * @dir: as given to bpf_load_pin()
 * @err: on error, why
 * @errlen: size of @err
 *
 * Return: 0, -ENOENT if there is none, or another negative errno.
 */
int bpf_load_unpin(const char *dir, char *err, size_t errlen)
{
	struct statfs fs;
	int ret;

	if (statfs(dir, &fs))
		return refuse(-errno, err, errlen, "%s: %s", dir,
			      errno == ENOENT ? "nothing is pinned there" : strerror(errno));
	if ((unsigned int)fs.f_type != BPF_FS_TYPE)
		return refuse(-EINVAL, err, errlen, "%s is not in a BPF file system", dir);
	ret = empty_dir(dir, 1);
	if (!ret && rmdir(dir))
		ret = -errno;
	return ret ? refuse(ret, err, errlen, "cannot unpin %s: %s", dir, strerror(-ret)) : 0;
}
