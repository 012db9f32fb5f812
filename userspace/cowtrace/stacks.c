// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "clock.h"
#include "cow.h"
#include "faults.h"
#include "flamegraph.h"
#include "format.h"
#include "json.h"
#include "names.h"
#include "script_line.h"
#include "spaces.h"
#include "stacks.h"
#include "symbols.h"
#include "unwind.h"

#define MOST_FRAMES	1024	/* of a stack, with inlined functions */
#define MOST_SCRIPT	(16UL << 20) /* of a Python file */
#define CHAIN_BYTES	(512UL << 20) /* for unwound stacks */
#define USER_END	(1ULL << 47) /* of addresses, unless a program asks for more */
#define NAMED_OBJECTS	5

#define NO_FRAME_POINTER "[no frame pointer]" /* in place of the callers of such code */
#define NOT_UNWOUND	"[not unwound]"
#define NOT_KEPT	"[stack not kept]"

/* When a key was new. */
struct seen {
	struct cow_stack_key key;
	uint64_t ns;
};

/* An unwound user stack: addresses, the innermost first. */
struct chain {
	struct cow_stack_key key;
	uint64_t samples;
	bool complete;
	uint32_t nr;
	uint64_t address[];
};

/* A frame to print. Its strings live as long as struct stacks, or until the next stack. */
struct frame {
	const char *name;
	const char *object; /* the file that it is in, or "" */
	const char *file;   /* of its source, or NULL */
	int line;
	bool inlined;
	enum flame_kind kind;
	char *shown; /* what is printed */
};

/* A sum by function, or by object. */
struct function {
	char *name;
	const char *object;
	struct cow_stack_sums sums;
};

/* A Python function of a perf map, and where it is defined. */
struct script {
	const char *made;
	char *name;
	char *file;
	int line;
};

/**
 * struct stacks - state
 * @o: options
 * @symbols: the kernel's functions
 * @images: files with code
 * @spaces: address spaces
 * @unwinder: only for DWARF
 * @unwound: room for the stack that is being unwound
 * @seen: when keys were new; sorted before printing
 * @nr_seen: how many
 * @chain: unwound stacks, by @table; before printing sorted by key
 * @nr_chains: how many
 * @table: finds chains by their contents, with open addressing
 * @room: of @table
 * @chain_bytes: their memory
 * @frame: of the stack that is printed, the innermost first
 * @nr: how many
 * @hex: text for frames without a name
 * @function: sums by function
 * @nr_functions: how many
 * @cut: faults whose callers are not known, by object
 * @nr_cut: how many
 * @nr_not_kept: faults without a user stack, since there was no room
 * @script: Python functions
 * @nr_scripts: how many
 * @graph: the flame graph, or NULL
 * @by_bytes: its weights are pages copied; else faults
 */
struct stacks {
	struct stacks_options o;
	struct symbols *symbols;
	struct images *images;
	struct spaces *spaces;
	struct unwinder *unwinder;
	struct chain *unwound;
	struct seen *seen;
	size_t nr_seen;
	struct chain **chain;
	size_t nr_chains;
	struct chain **table;
	size_t room;
	size_t chain_bytes;
	struct frame frame[MOST_FRAMES];
	size_t nr;
	char hex[UNWIND_DEPTH][24];
	struct function *function;
	size_t nr_functions;
	struct function *cut;
	size_t nr_cut;
	uint64_t nr_not_kept;
	struct script *script;
	size_t nr_scripts;
	struct flamegraph *graph;
	bool by_bytes;
};

/**
 * stacks_new() - begin with no stacks
 * @options: copied
 *
 * Return: to be freed with stacks_free(). Ends the program if memory runs out.
 */
struct stacks *stacks_new(const struct stacks_options *options)
{
	struct stacks *s = calloc(1, sizeof(*s));
	struct rlimit files;

	if (!s)
		err(EXIT_FAILURE, "stacks");
	/* Files with code stay open. */
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	s->o = *options;
	s->symbols = symbols_new();
	s->images = images_new();
	s->spaces = spaces_new(s->images);
	s->unwound = malloc(sizeof(*s->unwound) + UNWIND_DEPTH * sizeof(uint64_t));
	if (options->dwarf)
		s->unwinder = unwinder_new(s->spaces);
	if (!s->symbols || !s->unwound)
		err(EXIT_FAILURE, "stacks");
	return s;
}

static struct space_id id_of(const struct cow_stack_key *key)
{
	return (struct space_id){ .pid = key->pid,
				  .start_stack = key->start_stack,
				  .end_code = key->end_code };
}

/* --- while faults happen ------------------------------------------------------------------ */

static bool same_chain(const struct chain *a, const struct chain *b)
{
	return a->nr == b->nr && a->complete == b->complete &&
	       !memcmp(&a->key, &b->key, sizeof(a->key)) &&
	       !memcmp(a->address, b->address, a->nr * sizeof(*a->address));
}

static struct chain **entry_of(const struct stacks *s, const struct chain *chain)
{
	uint64_t hash = chain->key.pid;
	struct chain **entry;
	size_t i;

	for (i = 0; i < chain->nr; i++)
		hash = (hash ^ chain->address[i]) * 0x9e3779b97f4a7c15ULL;
	for (i = hash >> 32;; i++) {
		entry = &s->table[i & (s->room - 1)];
		if (!*entry || same_chain(*entry, chain))
			return entry;
	}
}

static void add_chain(struct stacks *s, const struct chain *chain)
{
	size_t size = sizeof(*chain) + chain->nr * sizeof(*chain->address), i;
	struct chain **entry, *copy;

	if (2 * s->nr_chains >= s->room) {
		s->room = s->room ? 2 * s->room : 1024;
		free(s->table);
		s->table = calloc(s->room, sizeof(*s->table));
		if (!s->table)
			err(EXIT_FAILURE, "stacks");
		for (i = 0; i < s->nr_chains; i++)
			*entry_of(s, s->chain[i]) = s->chain[i];
	}
	entry = entry_of(s, chain);
	if (*entry) {
		(*entry)->samples++;
		return;
	}
	if (s->chain_bytes + size > CHAIN_BYTES)
		return;
	copy = malloc(size);
	if (!copy)
		err(EXIT_FAILURE, "stacks");
	memcpy(copy, chain, size);
	s->chain_bytes += size;
	*entry = copy;
	s->chain = grown(s->chain, s->nr_chains, sizeof(copy));
	s->chain[s->nr_chains++] = copy;
}

static void on_sample(struct stacks *s, const struct cow_sample *sample)
{
	struct space_id id = id_of(&sample->new_stack.key);
	struct chain *chain = s->unwound;

	chain->key = sample->new_stack.key;
	chain->samples = 1;
	chain->nr = unwind(s->unwinder, &id, sample, chain->address, &chain->complete);
	add_chain(s, chain);
}

/**
 * stacks_on_event() - handle a record of the ring buffer
 * @s: state
 * @data: the record
 * @size: its size
 *
 * Return: false if it is another record than one about stacks.
 */
bool stacks_on_event(struct stacks *s, const void *data, size_t size)
{
	const struct cow_new_stack *stack = data;
	struct space_id id;

	if (size != sizeof(*stack) && size != sizeof(struct cow_sample))
		return false;
	id = id_of(&stack->key);
	if (id.start_stack)
		spaces_load(s->spaces, &id, stack->parent);
	if (size == sizeof(struct cow_sample)) {
		on_sample(s, data);
		return true;
	}
	s->seen = grown(s->seen, s->nr_seen, sizeof(*s->seen));
	s->seen[s->nr_seen++] = (struct seen){ .key = stack->key, .ns = now_ns() };
	return true;
}

/**
 * stacks_load_again() - read processes again that had more stacks since they were read
 * @s: state
 */
void stacks_load_again(struct stacks *s)
{
	spaces_load_again(s->spaces);
}

/* --- frames of a stack ------------------------------------------------------------------ */

static struct frame *add_frame(struct stacks *s, const char *name, enum flame_kind kind)
{
	struct frame *frame = &s->frame[s->nr < MOST_FRAMES ? s->nr++ : MOST_FRAMES - 1];

	free(frame->shown);
	*frame = (struct frame){ .name = name, .object = "", .kind = kind };
	return frame;
}

static int by_made(const void *a, const void *b)
{
	const struct script *x = a, *y = b;

	return x->made < y->made ? -1 : x->made > y->made;
}

/* Find the line of a Python function, named py::FUNCTION:FILE; the result may have none. */
static struct script read_script(struct stacks *s, const struct space_id *id, const char *made)
{
	const char *path = strstr(made, ":/");
	struct script script = { .made = made };
	struct stat st;
	char *text;
	int fd;

	if (strncmp(made, "py::", 4) || !path)
		return script;
	fd = spaces_open(s->spaces, id, path + 1);
	if (fd < 0)
		return script;
	script.name = strndup(made, path - made);
	script.file = strdup(strrchr(path, '/') + 1);
	if (!script.name || !script.file)
		err(EXIT_FAILURE, "stacks");
	if (!fstat(fd, &st) && st.st_size && (uint64_t)st.st_size <= MOST_SCRIPT) {
		text = malloc(st.st_size);
		if (text && pread(fd, text, st.st_size, 0) == st.st_size)
			script.line = script_line(text, st.st_size, script.name + 4);
		free(text);
	}
	close(fd);
	return script;
}

static void set_script(struct stacks *s, struct frame *frame, const struct space_id *id)
{
	struct script key = { .made = frame->name }, *script;

	script = s->nr_scripts ? bsearch(&key, s->script, s->nr_scripts, sizeof(key), by_made) :
				 NULL;
	if (!script) {
		key = read_script(s, id, frame->name);
		s->script = grown(s->script, s->nr_scripts, sizeof(key));
		s->script[s->nr_scripts++] = key;
		qsort(s->script, s->nr_scripts, sizeof(key), by_made);
		script = &key;
	}
	if (!script->line)
		return;
	frame->name = script->name;
	frame->file = script->file;
	frame->line = script->line;
}

/* Add the function at an address, and those that it is inlined into. */
static void add_code(struct stacks *s, const struct space_id *id, const struct code_place *place,
		     uint64_t address, bool is_return, char *hex)
{
	const struct code_frame *code;
	struct frame *frame;
	size_t i, nr;

	if (place->made) {
		frame = add_frame(s, place->made, FLAME_MADE);
		if (s->o.lines)
			set_script(s, frame, id);
		return;
	}
	if (!place->image) {
		snprintf(hex, sizeof(s->hex[0]), "0x%" PRIx64, address);
		add_frame(s, *place->label ? place->label : hex, FLAME_USER);
		return;
	}
	nr = image_frames(place->image, place->offset, is_return, &code);
	for (i = 0; i < nr; i++) {
		frame = add_frame(s, code[i].name, FLAME_USER);
		frame->object = image_name(place->image);
		frame->file = code[i].file;
		frame->line = code[i].line;
		frame->inlined = code[i].inlined;
	}
}

static bool begins_with_any(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (!strncmp(name, *list, strlen(*list)))
			return true;
	return false;
}

/*
 * Is this where threads begin? The C library calls main() and the functions of threads; its own
 * such functions often have no names. So its code is taken as the beginning if it is not the
 * innermost. That is wrong for the callers of a callback of qsort(3), for example.
 */
static bool is_outermost(const struct code_place *place, const struct frame *frame, size_t depth)
{
	static const char *const functions[] = {
		"_start",	"__libc_start_",  "start_thread", "clone",	    "__clone",
		"thread_start", "runtime.goexit", "runtime.rt0_", "runtime.mstart", NULL
	};
	static const char *const objects[] = { "libc.so.", "libc-2.", "ld-musl-", NULL };

	return begins_with_any(frame->name, functions) ||
	       (place->image && image_begins_here(place->image, place->offset)) ||
	       (depth && begins_with_any(frame->object, objects));
}

static void add_sums(struct cow_stack_sums *to, const struct cow_stack_sums *from)
{
	for (size_t i = 0; i < COW_NR_ENDINGS; i++)
		to->faults[i] += from->faults[i];
	to->bytes += from->bytes;
}

static uint64_t all_faults(const struct cow_stack_sums *sums)
{
	uint64_t n = 0;

	for (size_t i = 0; i < COW_NR_ENDINGS; i++)
		n += sums->faults[i];
	return n;
}

/* The callers end at a mark; count the faults for the file that caused this. */
static void add_mark(struct stacks *s, const char *mark, const struct cow_stack_sums *sums)
{
	const struct frame *last = &s->frame[s->nr - 1];
	const char *object = *last->object	      ? last->object :
			     last->kind == FLAME_MADE ? "code made at run time" :
							"unknown code";
	size_t i;

	for (i = 0; i < s->nr_cut && strcmp(s->cut[i].object, object); i++)
		;
	if (i == s->nr_cut) {
		s->cut = grown(s->cut, s->nr_cut, sizeof(*s->cut));
		s->cut[s->nr_cut++] = (struct function){ .object = object };
	}
	add_sums(&s->cut[i].sums, sums);
	add_frame(s, mark, FLAME_MARK);
}

/*
 * Add the user frames that the kernel found by following the frame pointers. Code without frame
 * pointers uses the register for something else. Sooner or later an address that is found there is
 * not code, or no call returns to it. What is beyond is not true either.
 */
static void add_walked(struct stacks *s, const struct cow_stack_key *key, const uint64_t *address,
		       uint64_t when_ns, const struct cow_stack_sums *sums)
{
	struct space_id id = id_of(key);
	enum code_kind kind = CODE_UNKNOWN;
	struct code_place place;
	size_t i, start;
	bool outermost = false;

	for (i = 0; i < COW_STACK_DEPTH && address[i]; i++) {
		start = s->nr;
		kind = spaces_find(s->spaces, &id, address[i], when_ns, &place);
		/* The first address is true: if it is no code, it has been mapped since then. */
		if (i && (kind == CODE_NONE || (kind == CODE_UNKNOWN && address[i] >= USER_END) ||
			  (place.image && !image_returns_here(place.image, place.offset))))
			break;
		add_code(s, &id, &place, address[i], i, s->hex[i]);
		outermost = is_outermost(&place, &s->frame[s->nr - 1], start);
	}
	if (s->nr && i < COW_STACK_DEPTH && !outermost && kind != CODE_UNKNOWN)
		add_mark(s, s->o.dwarf ? NOT_UNWOUND : NO_FRAME_POINTER, sums);
}

static void add_unwound(struct stacks *s, const struct cow_stack_key *key,
			const struct chain *chain, uint64_t when_ns,
			const struct cow_stack_sums *sums)
{
	struct space_id id = id_of(key);
	struct code_place place;

	for (size_t i = 0; i < chain->nr; i++) {
		spaces_find(s->spaces, &id, chain->address[i], when_ns, &place);
		add_code(s, &id, &place, chain->address[i], i, s->hex[i]);
	}
	if (!chain->complete && !is_outermost(&place, &s->frame[s->nr - 1], chain->nr - 1))
		add_mark(s, NOT_UNWOUND, sums);
}

static bool read_stack(int stacks_map, int id, uint64_t *frame)
{
	__u32 key = id;

	return id >= 0 && !bpf_map_lookup_elem(stacks_map, &key, frame);
}

/*
 * Add the kernel frames, the outermost first. The innermost frames are left out: they are our BPF
 * program and the trampoline that called it. On kernels that jump to the trampoline, the function
 * that the program watches is not on the stack, so it is added.
 */
static void add_kernel(struct stacks *s, int stacks_map, const struct cow_stack_key *key)
{
	static const char *const functions[COW_NR_FUNCTIONS] = {
		[COW_DO_WP_PAGE] = "do_wp_page",
		[COW_FINISH_FAULT] = "finish_fault",
		[COW_DO_HUGE_PMD_WP_PAGE] = "do_huge_pmd_wp_page",
		[COW_HUGETLB_WP] = "hugetlb_wp",
	};
	const char *watched = functions[key->function % COW_NR_FUNCTIONS], *name = "";
	uint64_t frame[COW_STACK_DEPTH] = {};
	int i, first = 0;

	if (!read_stack(stacks_map, key->kernel, frame))
		return;
	while (first < COW_STACK_DEPTH && symbols_beyond(s->symbols, frame[first]))
		first++;
	for (i = COW_STACK_DEPTH - 1; i >= first; i--) {
		if (!frame[i])
			continue;
		name = symbols_kernel(s->symbols, frame[i]);
		add_frame(s, name, FLAME_KERNEL);
	}
	if (strcmp(name, watched))
		add_frame(s, watched, FLAME_KERNEL);
}

/* --- output ------------------------------------------------------------------------------- */

/* Suffixes as in flamegraph.pl. */
static char *shown(const struct frame *frame, bool lines)
{
	const char *suffix = frame->kind == FLAME_KERNEL ? "_[k]" :
			     frame->kind == FLAME_MADE	 ? "_[j]" :
			     frame->inlined		 ? "_[i]" :
							   "";
	char *text;
	int n;

	if (lines && frame->file)
		n = asprintf(&text, "%s (%s:%d)%s", frame->name, frame->file, frame->line, suffix);
	else
		n = asprintf(&text, "%s%s", frame->name, suffix);
	if (n < 0)
		err(EXIT_FAILURE, "stacks");
	return text;
}

static void put_sums(json_t *json, const struct cow_stack_sums *sums)
{
	json_put(json, "faults", json_uint(all_faults(sums)));
	for (int i = 0; i < COW_NR_ENDINGS; i++)
		json_put(json, outcome_name(i), json_uint(sums->faults[i]));
	json_put(json, "bytes", json_uint(sums->bytes));
}

static void print_json(const struct stacks *s, const struct cow_stack_key *key,
		       const struct cow_stack_sums *sums)
{
	json_t *json = json_object(), *frames = json_array(), *sources = json_array();
	const struct frame *frame;

	for (size_t i = 0; i < s->nr; i++) {
		frame = &s->frame[i];
		json_add(frames, json_text(frame->shown));
		json_add(sources, frame->file ? json_sprintf("%s:%d", frame->file, frame->line) :
						json_null());
	}
	json_put(json, "pid", json_uint(key->pid));
	json_put_name(json, "comm", key->comm);
	json_put(json, "frames", frames);
	put_sums(json, sums);
	json_put(json, "sources", sources);
	json_write(s->o.to, json, true);
}

static void print_folded(const struct stacks *s, const char *comm,
			 const struct cow_stack_sums *sums)
{
	fputs(comm, s->o.to);
	for (size_t i = 0; i < s->nr; i++)
		fprintf(s->o.to, ";%s", s->frame[i].shown);
	fprintf(s->o.to, " %" PRIu64 "\n", all_faults(sums));
}

/* In the picture, the way from the processor's fault to the function that is watched is one box. */
static void draw_stack(const struct stacks *s, const char *comm, const struct cow_stack_sums *sums)
{
	struct flame_frame flame[MOST_FRAMES + 1] = { { comm, FLAME_PROCESS } };
	size_t i, nr = 1;

	for (i = 0; i < s->nr; i++) {
		flame[nr++] = (struct flame_frame){ s->frame[i].shown, s->frame[i].kind };
		if (s->frame[i].kind == FLAME_KERNEL && i + 1 < s->nr &&
		    !strcmp(s->frame[i].name, "asm_exc_page_fault")) {
			i = s->nr - 2;
			nr--;
		}
	}
	flamegraph_add(s->graph, flame, nr,
		       s->by_bytes ? sums->bytes / COWSTAT_PAGE_BYTES : all_faults(sums));
}

/* The innermost function of the program; if there is none, of the kernel. */
static void add_function(struct stacks *s, size_t nr_user, const struct cow_stack_sums *sums)
{
	const struct frame *frame = nr_user ? &s->frame[nr_user - 1] :
				    s->nr   ? &s->frame[s->nr - 1] :
					      NULL;
	struct function f = { .object = "", .sums = *sums };

	f.name = strdup(frame ? frame->shown : NOT_KEPT);
	if (!f.name)
		err(EXIT_FAILURE, "stacks");
	if (frame)
		f.object = frame->kind == FLAME_KERNEL ? "[kernel]" : frame->object;
	s->function = grown(s->function, s->nr_functions, sizeof(f));
	s->function[s->nr_functions++] = f;
}

static int by_function(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return strcmp(x->name, y->name) ?: strcmp(x->object, y->object);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* The most bytes first, then the most faults. */
static int by_cost(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return compare_numbers(y->sums.bytes, x->sums.bytes)			   ?:
		       compare_numbers(all_faults(&y->sums), all_faults(&x->sums)) ?:
		       by_function(a, b);
}

static void print_function(const struct stacks *s, const struct function *f)
{
	const uint64_t *faults = (const uint64_t *)f->sums.faults;
	uint64_t all = all_faults(&f->sums);
	uint64_t copied = faults[COW_COPIED] + faults[COW_FILE_COPIED] + faults[COW_HUGETLB_COPIED];
	uint64_t reused = faults[COW_REUSED] + faults[COW_THP_REUSED] + faults[COW_HUGETLB_REUSED];
	json_t *json;

	if (s->o.json) {
		json = json_object();
		json_put(json, "function", json_text(f->name));
		json_put(json, "object", *f->object ? json_text(f->object) : json_null());
		put_sums(json, &f->sums);
		json_write(s->o.to, json, true);
		return;
	}
	fprintf(s->o.to, "%7s %7s %7s %7s %7s %6s %-20.20s %s\n", format_fit(all, 7).s,
		format_fit(copied, 7).s, format_fit(faults[COW_ZERO_FILLED], 7).s,
		format_fit(reused, 7).s,
		format_fit(all - copied - reused - faults[COW_ZERO_FILLED], 7).s,
		format_size_tight(f->sums.bytes).s, *f->object ? f->object : "-", f->name);
}

static void print_functions(struct stacks *s)
{
	size_t i, nr = 0;

	if (s->nr_functions)
		qsort(s->function, s->nr_functions, sizeof(*s->function), by_function);
	for (i = 0; i < s->nr_functions; i++) {
		if (nr && !by_function(&s->function[nr - 1], &s->function[i])) {
			add_sums(&s->function[nr - 1].sums, &s->function[i].sums);
			free(s->function[i].name);
		} else {
			s->function[nr++] = s->function[i];
		}
	}
	s->nr_functions = nr;
	if (nr)
		qsort(s->function, nr, sizeof(*s->function), by_cost);
	if (!s->o.json)
		fprintf(s->o.to, "%7s %7s %7s %7s %7s %6s %-20s FUNCTION\n", "FAULTS", "COPIED",
			"ZEROED", "REUSED", "OTHER", "BYTES", "OBJECT");
	for (i = 0; i < nr; i++)
		print_function(s, &s->function[i]);
}

static int by_seen(const void *a, const void *b)
{
	return memcmp(&((const struct seen *)a)->key, &((const struct seen *)b)->key,
		      sizeof(struct cow_stack_key));
}

static int by_key(const void *a, const void *b)
{
	const struct chain *x = *(struct chain *const *)a, *y = *(struct chain *const *)b;

	return memcmp(&x->key, &y->key, sizeof(x->key));
}

/* Print a stack whose user frames are known: add its kernel frames, and turn them around. */
static void print_stack(struct stacks *s, const struct cow_stack_key *key,
			const struct cow_stack_sums *sums, int stacks_map)
{
	const struct text comm = format_printable(key->comm);
	size_t nr_user = s->nr, i;
	struct frame swap;

	for (i = 0; i < nr_user / 2; i++) {
		swap = s->frame[i];
		s->frame[i] = s->frame[nr_user - 1 - i];
		s->frame[nr_user - 1 - i] = swap;
	}
	add_kernel(s, stacks_map, key);
	for (i = 0; i < s->nr; i++)
		s->frame[i].shown = shown(&s->frame[i], s->o.lines);
	if (s->o.by_function)
		add_function(s, nr_user, sums);
	else if (s->o.to && s->o.json)
		print_json(s, key, sums);
	else if (s->o.to)
		print_folded(s, comm.s, sums);
	if (s->graph)
		draw_stack(s, comm.s, sums);
	for (i = 0; i < s->nr; i++) {
		free(s->frame[i].shown);
		s->frame[i].shown = NULL;
	}
	s->nr = 0;
}

/* Of the sums of a key, the share of some of its samples; shares add up to the whole. */
static struct cow_stack_sums share(const struct cow_stack_sums *whole, uint64_t before,
				   uint64_t with, uint64_t all)
{
	struct cow_stack_sums part = {};
	size_t i;

	for (i = 0; i < COW_NR_ENDINGS; i++)
		part.faults[i] = whole->faults[i] * with / all - whole->faults[i] * before / all;
	part.bytes = (whole->bytes / COWSTAT_PAGE_BYTES * with / all -
		      whole->bytes / COWSTAT_PAGE_BYTES * before / all) *
		     COWSTAT_PAGE_BYTES;
	return part;
}

/* Print the stacks of a key that were unwound. Return false if there are none. */
static bool print_chains(struct stacks *s, const struct cow_stack_key *key,
			 const struct cow_stack_sums *sums, uint64_t when_ns, int stacks_map)
{
	struct chain wanted = { .key = *key }, *pointer = &wanted, **found;
	struct cow_stack_sums part;
	uint64_t all = 0, before = 0;
	size_t i, first, last;

	found = s->nr_chains ? bsearch(&pointer, s->chain, s->nr_chains, sizeof(pointer), by_key) :
			       NULL;
	if (!found)
		return false;
	first = found - s->chain;
	last = first;
	while (first && !by_key(&s->chain[first - 1], &pointer))
		first--;
	while (last < s->nr_chains && !by_key(&s->chain[last], &pointer))
		last++;
	for (i = first; i < last; i++)
		all += s->chain[i]->samples;
	for (i = first; i < last; i++) {
		part = share(sums, before, before + s->chain[i]->samples, all);
		before += s->chain[i]->samples;
		if (!all_faults(&part))
			continue;
		add_unwound(s, key, s->chain[i], when_ns, &part);
		print_stack(s, key, &part, stacks_map);
	}
	return true;
}

static void print_key(struct stacks *s, const struct cow_stack_key *key,
		      const struct cow_stack_sums *sums, int stacks_map)
{
	struct seen wanted = { .key = *key }, *seen;
	uint64_t address[COW_STACK_DEPTH] = {}, when_ns;

	seen = s->nr_seen ? bsearch(&wanted, s->seen, s->nr_seen, sizeof(wanted), by_seen) : NULL;
	when_ns = seen ? seen->ns : UINT64_MAX;
	if (s->o.dwarf && print_chains(s, key, sums, when_ns, stacks_map))
		return;
	if (key->ip)
		*address = key->ip;
	if (key->ip || read_stack(stacks_map, key->user, address)) {
		add_walked(s, key, address, when_ns, sums);
	} else if (key->user == -EEXIST) {
		s->nr_not_kept += all_faults(sums);
		add_frame(s, NOT_KEPT, FLAME_MARK);
	}
	print_stack(s, key, sums, stacks_map);
}

static void warn_of_cut(struct stacks *s, uint64_t faults)
{
	char list[512] = "";
	struct function *f;
	uint64_t cut = 0;
	size_t i, n = 0;

	if (!s->nr_cut)
		return;
	for (f = s->cut; f < s->cut + s->nr_cut; f++) {
		f->name = "";
		f->sums.bytes = all_faults(&f->sums);
		cut += f->sums.bytes;
	}
	qsort(s->cut, s->nr_cut, sizeof(*s->cut), by_cost);
	for (i = 0; i < s->nr_cut && i < NAMED_OBJECTS; i++)
		n += snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "", s->cut[i].object);
	if (s->nr_cut > NAMED_OBJECTS)
		snprintf(list + n, sizeof(list) - n, " and others");
	if (s->o.dwarf)
		warnx("the callers of %" PRIu64 " of %" PRIu64
		      " faults were not all found, see %s: the stack is deeper than what is copied, or these have no unwind tables: %s",
		      cut, faults, NOT_UNWOUND, list);
	else
		warnx("the callers of %" PRIu64 " of %" PRIu64
		      " faults are not known, see %s: these were built without frame pointers: %s. Use --stacks=dwarf, or build them with -fno-omit-frame-pointer",
		      cut, faults, NO_FRAME_POINTER, list);
}

/* Does any stack have copies? */
static bool has_bytes(int sums_map)
{
	struct cow_stack_key key, *previous = NULL;
	struct cow_stack_sums sums;

	while (!bpf_map_get_next_key(sums_map, previous, &key)) {
		previous = &key;
		if (!bpf_map_lookup_elem(sums_map, &key, &sums) && sums.bytes)
			return true;
	}
	return false;
}

/**
 * stacks_print() - print all stacks, as text, folded as flame graphs need them, or as JSON; or sums
 *	by function; and draw them
 * @s: state; the caller checks the streams for errors
 * @sums_map: the map of sums by stack
 * @stacks_map: the map of stacks
 * @samples_lost: stacks that could not be copied
 *
 * Warns if callers are not known.
 *
 * Return: number of faults.
 */
uint64_t stacks_print(struct stacks *s, int sums_map, int stacks_map, uint64_t samples_lost)
{
	struct cow_stack_key key, *previous = NULL;
	struct cow_stack_sums sums;
	uint64_t faults = 0;

	spaces_finish(s->spaces);
	if (s->nr_seen)
		qsort(s->seen, s->nr_seen, sizeof(*s->seen), by_seen);
	if (s->nr_chains)
		qsort(s->chain, s->nr_chains, sizeof(*s->chain), by_key);
	if (s->o.svg) {
		s->graph = flamegraph_new();
		s->by_bytes = has_bytes(sums_map);
	}
	while (!bpf_map_get_next_key(sums_map, previous, &key)) {
		previous = &key;
		if (bpf_map_lookup_elem(sums_map, &key, &sums) ||
		    (s->o.comm && regexec(s->o.comm, key.comm, 0, NULL, 0)))
			continue;
		faults += all_faults(&sums);
		print_key(s, &key, &sums, stacks_map);
	}
	if (s->o.by_function)
		print_functions(s);
	if (s->graph)
		flamegraph_write(s->graph, s->o.svg,
				 s->by_bytes ? "Which code makes the kernel copy pages" :
					       "Which code causes write-protect faults",
				 s->by_bytes ? "pages copied" : "faults");
	/* so that the warnings stand behind the stacks, if both go to one file */
	if (s->o.to)
		fflush(s->o.to);
	warn_of_cut(s, faults);
	if (s->nr_not_kept)
		warnx("%" PRIu64
		      " faults have no stack, see %s: two stacks fell on one place of the map",
		      s->nr_not_kept, NOT_KEPT);
	if (samples_lost)
		warnx("%" PRIu64
		      " stacks could not be copied, since the buffer was full; their faults are shared out among the others",
		      samples_lost);
	return faults;
}

/**
 * stacks_free() - free all
 * @s: from stacks_new(), or NULL
 */
void stacks_free(struct stacks *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->nr_functions; i++)
		free(s->function[i].name);
	for (i = 0; i < s->nr_chains; i++)
		free(s->chain[i]);
	for (i = 0; i < s->nr_scripts; i++) {
		free(s->script[i].name);
		free(s->script[i].file);
	}
	free(s->function);
	free(s->chain);
	free(s->table);
	free(s->cut);
	free(s->script);
	free(s->seen);
	free(s->unwound);
	flamegraph_free(s->graph);
	unwinder_free(s->unwinder);
	spaces_free(s->spaces);
	images_free(s->images);
	symbols_free(s->symbols);
	free(s);
}
