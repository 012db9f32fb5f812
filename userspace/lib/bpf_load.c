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

/*
 * What a program needs, and what is missing without it.
 *
 * @program: its name; objects that have no such program do not mind; NULL for what only
 *	older kernels do
 * @older: the program that takes its place where its function had another name or shape
 * @hook: without either, this hook's columns are not known
 * @required: without either, there is no point in loading
 * @without: what is then missing, as the user reads it
 */
static const struct need {
	const char *program;
	const char *older;
	enum cowstat_hook hook;
	bool required;
	const char *without;
} needs[] = {
	{ "wp_entry", NULL, COWSTAT_HOOK_WP, true, "all faults" },
	{ "wp_exit", NULL, COWSTAT_HOOK_WP, true, "all faults" },
	{ "anon_added", "anon_added_page", COWSTAT_HOOK_COPY, true, "whether a page was copied" },
	{ "made_writable", NULL, COWSTAT_HOOK_REUSE, true, "whether a page was reused" },
	{ "on_fork", NULL, COWSTAT_HOOK_FORK, true, "who forked whom" },
	{ "on_exec", NULL, COWSTAT_HOOK_EXEC, true, "execs" },
	{ "on_exit", NULL, COWSTAT_HOOK_EXIT, true, "who has exited" },
	{ "thp_entry", NULL, COWSTAT_HOOK_THP, false, "thp_*" },
	{ "thp_exit", NULL, COWSTAT_HOOK_THP, false, "thp_*" },
	{ "thp_made_writable", NULL, COWSTAT_HOOK_THP, false, "thp_*" },
	{ "hugetlb_entry", "hugetlb_entry_kprobe", COWSTAT_HOOK_HUGETLB, false, "hugetlb_*" },
	{ "hugetlb_exit", "hugetlb_exit_kprobe", COWSTAT_HOOK_HUGETLB, false, "hugetlb_*" },
	{ "hugetlb_added", "hugetlb_added_page", COWSTAT_HOOK_HUGETLB, false, "hugetlb_*" },
	{ "file_exit", NULL, COWSTAT_HOOK_FILE, false, "file_copied" },
	{ NULL, "uprobe_exit", COWSTAT_HOOK_FILE, false, "" },
	{ "fork_entry", NULL, COWSTAT_HOOK_PINNED, false, "fork_ns, fork_copied" },
	{ "fork_exit", NULL, COWSTAT_HOOK_PINNED, false, "fork_copied" },
};

#define NR_NEEDS	(sizeof(needs) / sizeof(needs[0]))

/* The first complaint of libbpf: what comes after it follows from it. */
static char complaint[256];
static bool show_all;

__attribute__((format(printf, 2, 0)))
static int listen(enum libbpf_print_level level, const char *format, va_list args)
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

__attribute__((format(printf, 4, 5)))
static int refuse(int ret, char *err, size_t errlen, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err, errlen, format, args);
	va_end(args);
	return ret;
}

/* The first line of a small file; "" when it cannot be read. */
static void read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");

	if (!f || !fgets(line, size, f))
		*line = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (f)
		fclose(f);
}

static bool locked_down(void)
{
	char line[128];

	read_line(LOCKDOWN, line, sizeof(line));
	return strstr(line, "[confidentiality]");
}

static bool may_load(void)
{
	unsigned long long caps = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	if (f)
		fclose(f);
	return caps >> CAP_SYS_ADMIN_BIT & 1 ||
	       (caps >> CAP_BPF_BIT & 1 && caps >> CAP_PERFMON_BIT & 1);
}

/*
 * The programs look at variables of the kernel that libbpf finds in /proc/kallsyms: whether a
 * page is the zero page, and how many pages an mm has, cannot be told without. To whom they
 * are hidden, all addresses are 0; those of per-CPU variables are small ones.
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
		read_line(UNPRIVILEGED, line, sizeof(line));
		return refuse(-EPERM, err, errlen,
			      "loading BPF programs that watch the kernel needs root, or CAP_BPF, CAP_PERFMON and CAP_SYSLOG, whatever kernel.unprivileged_bpf_disabled is (here: %s). Try: sudo",
			      *line ? line : "not there");
	}
	if (locked_down())
		return refuse(-EPERM, err, errlen,
			      "the kernel is locked down (%s: confidentiality), so no BPF program may read its memory. Boot with lockdown=integrity or none; Secure Boot alone does not ask for more",
			      LOCKDOWN);
	if (addresses_hidden()) {
		read_line(KPTR_RESTRICT, line, sizeof(line));
		return refuse(-EPERM, err, errlen,
			      "the kernel hides its addresses from us (%s), and the BPF programs need some: CAP_SYSLOG shows them, where kernel.kptr_restrict is not 2 (here: %s). It may be 2 again once they are loaded",
			      KALLSYMS, *line ? line : "not there");
	}
	if (access(VMLINUX_BTF, R_OK))
		return refuse(-ENOENT, err, errlen,
			      "%s is not there: this kernel was built without CONFIG_DEBUG_INFO_BTF. Distribution kernels have it; or use the module: insmod cowstat.ko",
			      VMLINUX_BTF);
	return 0;
}

/* The function of the kernel that a program is attached to; NULL for other kinds. */
static const char *function_of(const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program);
	const char *slash = strchr(section, '/');

	section += *section == '?';
	if (!slash || !(strncmp(section, "fentry/", 7) && strncmp(section, "fexit/", 6) &&
			strncmp(section, "kprobe/", 7) && strncmp(section, "kretprobe/", 10)))
		return slash ? slash + 1 : NULL;
	return NULL;
}

/* Can a program be attached here? A trampoline before 6.6 carries six arguments. */
static bool fits(const struct btf *btf, const struct bpf_program *program)
{
	const char *function = function_of(program);
	const struct btf_type *type;
	char name[128];
	int id;

	if (!function) {	/* a raw tracepoint, which BTF knows by its typedef */
		snprintf(name, sizeof(name), "btf_trace_%s",
			 strchr(bpf_program__section_name(program), '/') + 1);
		return btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) > 0;
	}
	id = btf__find_by_name_kind(btf, function, BTF_KIND_FUNC);
	if (id < 0)
		return false;
	type = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);
	return bpf_program__type(program) == BPF_PROG_TYPE_KPROBE || btf_vlen(type) <= 6;
}

static struct bpf_program *program_of(const struct bpf_set *set, const char *name)
{
	return name ? bpf_object__find_program_by_name(set->object, name) : NULL;
}

/**
 * bpf_load_choose() - choose the programs whose functions this kernel has
 * @set: its object is opened, not yet loaded; @set->hooks is set
 * @err: on error, which function is missing, and what is missing without it
 * @errlen: size of @err
 *
 * What is missing but not required is told on stderr.
 *
 * Return: 0; -ENOENT when a required function is not in the kernel's BTF.
 */
int bpf_load_choose(struct bpf_set *set, char *err, size_t errlen)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct bpf_program *program, *older;
	const struct need *need;
	bool told;
	int ret = 0;

	if (!btf)
		return refuse(-errno, err, errlen,
			      "cannot read the kernel's BTF from %s: %s. Is something mounted over it? Or use the module: insmod cowstat.ko",
			      VMLINUX_BTF, strerror(errno));
	set->hooks = (1U << COWSTAT_NR_HOOKS) - 1;
	set->hooks &= ~(1U << COWSTAT_HOOK_TIME);	/* the table's programs do not time */
	for (need = needs; need < needs + NR_NEEDS && !ret; need++) {
		program = program_of(set, need->program);
		older = program_of(set, need->older);
		if (program && fits(btf, program))
			continue;
		if (program)
			bpf_program__set_autoload(program, false);
		if (older && fits(btf, older)) {
			bpf_program__set_autoload(older, true);
			continue;
		}
		if (!program)
			continue;
		told = !(set->hooks & 1U << need->hook);
		set->hooks &= ~(1U << need->hook);
		if (need->required)
			ret = refuse(-ENOENT, err, errlen,
				     "this kernel's BTF has no %s (%s), without which %s cannot be told: the compiler may have inlined it. Use the module here: insmod cowstat.ko",
				     function_of(program) ?: "such tracepoint",
				     bpf_program__section_name(program), need->without);
		else if (!told)
			warnx("this kernel's BTF has no %s: without it, %s is not known",
			      function_of(program), need->without);
	}
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
 * bpf_load_id() - by which number the kernel knows a program
 * @program: loaded, or left out
 *
 * Return: its id; 0 if it was left out.
 */
uint32_t bpf_load_id(const struct bpf_program *program)
{
	return info_of(program).id;
}

/**
 * bpf_load_skipped() - how often the kernel did not run a program, since it was busy
 * @program: loaded, or left out
 *
 * A program that is preempted is skipped by other tasks on that CPU. What it would have
 * seen is then not known. Counted since 5.12.
 */
uint64_t bpf_load_skipped(const struct bpf_program *program)
{
	return info_of(program).recursion_misses;
}

/* How much the verifier had to look at; it refuses at a million. */
static void tell_verified(const struct bpf_program *program)
{
	struct bpf_prog_info info = info_of(program);

	if (info.id)
		fprintf(stderr, "%-20s %-38s %6u verified instructions, %5u bytes of code\n",
			bpf_program__name(program), bpf_program__section_name(program),
			info.verified_insns, info.jited_prog_len);
}

/**
 * bpf_load_object() - have the kernel verify and take the chosen programs
 * @set: after bpf_load_choose()
 * @err: on error, why, and what to do about it
 * @errlen: size of @err
 *
 * RLIMIT_MEMLOCK does not matter: since 5.11 the memory of BPF is the cgroup's to limit, and
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
			      access(LOCKDOWN, R_OK) ?
			      ". Is it locked down? To see it: mount -t securityfs none /sys/kernel/security" : "");
	bpf_object__for_each_program(program, set->object)
		if (set->verbose)
			tell_verified(program);
	return 0;
}

/**
 * bpf_load_attach() - attach all programs that were loaded, but for iterators
 * @set: after bpf_load_object()
 * @err: on error, which one could not be attached, and why
 * @errlen: size of @err
 *
 * Return: 0, or a negative errno; then none is attached.
 */
int bpf_load_attach(struct bpf_set *set, char *err, size_t errlen)
{
	struct bpf_program *program;
	struct bpf_link *link;
	int ret;

	bpf_object__for_each_program(program, set->object) {
		if (!bpf_program__autoload(program) || !bpf_program__autoattach(program) ||
		    bpf_program__expected_attach_type(program) == BPF_TRACE_ITER)
			continue;
		link = set->nr < BPF_LOAD_MAX_LINKS ? bpf_program__attach(program) : NULL;
		if (!link) {
			ret = -errno;
			bpf_load_detach(set);
			return refuse(ret, err, errlen, "cannot attach %s to %s: %s%s",
				      bpf_program__name(program),
				      bpf_program__section_name(program), strerror(-ret),
				      ret == -EACCES ? ". With kernel.perf_event_paranoid above 2 only root may set a kprobe" : "");
		}
		set->program[set->nr] = program;
		set->link[set->nr++] = link;
	}
	return 0;
}

/**
 * bpf_load_detach() - let go of all links; what is pinned stays attached
 * @set: may be empty
 */
void bpf_load_detach(struct bpf_set *set)
{
	while (set->nr)
		bpf_link__destroy(set->link[--set->nr]);
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
 * @dir: to be made, in a BPF file system
 * @err: on error, why
 * @errlen: size of @err
 *
 * DIR/links/PROGRAM, DIR/maps/MAP, DIR/progs/PROGRAM. On error nothing of it stays.
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

		snprintf(path, sizeof(path), "%s/links/%s", dir, name);
		ret = bpf_link__pin(set->link[i], path);
		if (ret)
			break;
		snprintf(path, sizeof(path), "%s/progs/%s", dir, name);
		ret = bpf_obj_pin(bpf_program__fd(set->program[i]), path);
	}
	if (!ret) {
		bpf_object__for_each_map(map, set->object) {
			const char *name = bpf_map__name(map);
			const char *dot = strrchr(name, '.');	/* a section of globals */

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

/* Everything in a directory of pins, one level of directories deep. */
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
 * bpf_load_unpin() - take a directory of pins away; what they alone held is detached
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
