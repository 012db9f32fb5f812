// SPDX-License-Identifier: GPL-2.0
/*
 * cowbench report: run the scenarios at several sizes, draw the results, and write one HTML page
 * that needs no other file. The page also contains all figures as JSON.
 */
#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "format.h"
#include "picture.h"
#include "report.h"
#include "scenario.h"

#define DEFAULT_COUNT	5
#define PART_SIZE	(64ULL << 20)	/* size of the memory in the parts that write, at most */
#define WRITES_PER_PAGE	2.4		/* in a snapshot: then nine pages of ten are written */
#define MAX_RESULTS	256

static const uint64_t default_sizes[] = {
	1ULL << 20, 4ULL << 20, 16ULL << 20, 64ULL << 20, 256ULL << 20,
};
static const uint64_t shares[] = { 1, 2, 5, 10, 20, 35, 50, 75, 100 };
static const uint64_t crews[] = { 1, 2, 4, 8 };

/**
 * struct report - a report that is being made
 * @m: the machine
 * @o: parameters of the measurements
 * @caption: kernel and processor, in one line
 * @result: all results
 * @nr: number of results
 * @page: the HTML page
 * @pictures: folder for the pictures as SVG files, or NULL
 */
struct report {
	const struct machine *m;
	struct bench_options o;
	char caption[256];
	struct result result[MAX_RESULTS];
	size_t nr;
	FILE *page;
	const char *pictures;
};

/* Write text, escaped for HTML and for the value of an attribute. */
static void put_text(struct report *r, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&':
			fputs("&amp;", r->page);
			break;
		case '<':
			fputs("&lt;", r->page);
			break;
		case '>':
			fputs("&gt;", r->page);
			break;
		case '"':
			fputs("&quot;", r->page);
			break;
		default:
			putc(*s, r->page);
		}
	}
}

static void put_base64(FILE *to, const char *s)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *byte = (const unsigned char *)s;
	size_t len = strlen(s), i, n;
	uint32_t bits;

	for (i = 0; i < len; i += 3) {
		n = len - i;
		bits = byte[i] << 16 | (n > 1 ? byte[i + 1] << 8 : 0) | (n > 2 ? byte[i + 2] : 0);
		putc(digits[bits >> 18], to);
		putc(digits[bits >> 12 & 63], to);
		putc(n > 1 ? digits[bits >> 6 & 63] : '=', to);
		putc(n > 2 ? digits[bits & 63] : '=', to);
	}
}

static void put_picture_file(const struct report *r, const struct picture *p, const char *svg)
{
	char *path;
	FILE *f;

	if (asprintf(&path, "%s/%s.svg", r->pictures, p->file) < 0)
		err(EXIT_FAILURE, NULL);
	f = fopen(path, "we");
	if (!f || fputs(svg, f) < 0 || fclose(f))
		err(EXIT_FAILURE, "cannot write %s", path);
	free(path);
}

/* Draw a picture and put it into the page, as data: so the page needs no other file. */
static void put_picture(struct report *r, struct picture *p, const char *says)
{
	char *svg;

	p->caption = r->caption;
	svg = picture_draw(p);
	fprintf(r->page, "<figure>\n<img width=\"800\" alt=\"%s\" src=\"data:image/svg+xml;base64,",
		p->title);
	put_base64(r->page, svg);
	fprintf(r->page, "\">\n<figcaption>%s</figcaption>\n</figure>\n", says);
	if (r->pictures)
		put_picture_file(r, p, svg);
	free(svg);
	picture_free(p);
}

static void begin_table(struct report *r, const char *const *head, size_t nr)
{
	size_t i;

	fputs("<table>\n<tr>", r->page);
	for (i = 0; i < nr; i++)
		fprintf(r->page, "<th>%s</th>", head[i]);
	fputs("</tr>\n", r->page);
}

static void put_cell(struct report *r, struct text text)
{
	fputs("<td>", r->page);
	put_text(r, text.s);
	fputs("</td>", r->page);
}

static uint64_t median(const struct result *result, const char *subject, const char *name)
{
	return series_at(subject_series(result_subject(result, subject), name), 50);
}

/* Run a scenario. Return: the result, which belongs to the report. */
static const struct result *measure(struct report *r, const char *name,
				    const struct bench_options *o)
{
	const struct scenario *s = find_scenario(name);
	struct result *result = &r->result[r->nr++];

	fprintf(stderr, "cowbench: %s, %s of %s pages\n", name, format_size_short(o->size).s,
		page_kind_name(o->pages));
	scenario_run(s, o, result);
	return result;
}

static void add_time(struct curve *c, const struct result *result, const char *subject,
		     enum figure figure)
{
	const struct series *s = &result_subject(result, subject)->figure[figure];

	curve_add_bar(c, result->bytes, series_at(s, 50), series_at(s, 5), series_at(s, 95));
}

/* Part 1: the time of a fork by the size of the process. */
static void report_latency(struct report *r, const uint64_t *size, size_t nr)
{
	static const char *const head[] = {
		"Memory",	"fork() call", "fork + exec",
		"vfork + exec", "posix_spawn", "copy everything",
		"memcpy",	"Page tables", "Copied by fork + exec",
	};
	struct picture p = {
		.file = "fork-latency",
		.title = "What starting a program costs a process of some size",
		.x_label = "private memory of the process that forks",
		.y_label = "time, median",
		.x = AXIS_LOG_SIZE,
		.y = AXIS_LOG_TIME,
	};
	struct curve *eager = picture_curve(&p, "fork, copy all, exec: to exit", NULL);
	struct curve *fork = picture_curve(&p, "fork + exec: to exit", NULL);
	struct curve *vfork = picture_curve(&p, "vfork + exec: to exit", NULL);
	struct curve *spawn = picture_curve(&p, "posix_spawn: to exit", NULL);
	struct curve *call = picture_curve(&p, "call of fork() alone", NULL);
	const struct result *exec, *copy;
	struct bench_options o = r->o;
	size_t i;

	fputs("<h2>Fork latency against memory size</h2>\n", r->page);
	begin_table(r, head, ARRAY_SIZE(head));
	for (i = 0; i < nr; i++) {
		o.size = size[i];
		exec = measure(r, "fork-exec", &o);
		copy = measure(r, "eager", &o);
		add_time(eager, copy, "eager", FIGURE_EXIT_NS);
		add_time(fork, exec, "fork", FIGURE_EXIT_NS);
		add_time(vfork, exec, "vfork", FIGURE_EXIT_NS);
		add_time(spawn, exec, "posix_spawn", FIGURE_EXIT_NS);
		add_time(call, exec, "fork", FIGURE_CALL_NS);
		fputs("<tr>", r->page);
		put_cell(r, format_size_short(exec->bytes));
		put_cell(r, format_duration(median(exec, "fork", "call_ns")));
		put_cell(r, format_duration(median(exec, "fork", "exit_ns")));
		put_cell(r, format_duration(median(exec, "vfork", "exit_ns")));
		put_cell(r, format_duration(median(exec, "posix_spawn", "exit_ns")));
		put_cell(r, format_duration(median(copy, "eager", "exit_ns")));
		put_cell(r, format_duration(median(copy, "memcpy", "copy_ns")));
		put_cell(r, format_size(median(exec, "fork", "birth_pgtables_bytes")));
		put_cell(r, format_size((median(exec, "fork", "pre_exec_copied") +
					 median(exec, "fork", "parent_copied")) *
					COWSTAT_PAGE_BYTES));
		fputs("</tr>\n", r->page);
	}
	fputs("</table>\n", r->page);
	put_picture(r, &p,
		    "Medians; bars from the 5th to the 95th percentile. The child runs /bin/true. "
		    "The time of fork grows with the page tables that it builds, 8 bytes per page. vfork and "
		    "posix_spawn build none. Without copy-on-write it would grow with the memory.");
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Part 2: bytes copied by the share of the memory that is written. */
static void report_shares(struct report *r, uint64_t size)
{
	static const char *const name[NR_PAGE_KINDS] = {
		[PAGES_4K] = "4 KiB pages",
		[PAGES_THP] = "transparent huge pages",
		[PAGES_HUGETLB] = "hugetlb pages",
	};
	static const char *const head[] = {
		"Pages",	"Share written",    "4 KiB pages written",
		"Bytes copied", "Huge pages split", "hugetlb pages copied",
		"Per write",
	};
	struct picture p = {
		.file = "share-written",
		.title = "What is copied when a share of the memory is written",
		.x_label =
			"share of the memory written by the child, 4 KiB at a time, at random (%)",
		.y_label = "copied (MiB)",
	};
	const struct scenario *s = find_scenario("fork-write");
	const struct result *result;
	struct bench_options o = r->o;
	enum page_kind kind;
	struct curve *c;
	char why[256];
	size_t i;

	fputs("<h2>Bytes copied against share written</h2>\n", r->page);
	begin_table(r, head, ARRAY_SIZE(head));
	o.size = size;
	o.random = true;
	for (kind = 0; kind < NR_PAGE_KINDS; kind++) {
		o.pages = kind;
		if (!scenario_possible(s, &o, why, sizeof(why))) {
			warnx("left out: %s", why);
			fprintf(r->page, "<tr><td>%s</td><td colspan=\"6\">left out: ", name[kind]);
			put_text(r, why);
			fputs("</td></tr>\n", r->page);
			continue;
		}
		c = picture_curve(&p, name[kind], NULL);
		for (i = 0; i < ARRAY_SIZE(shares); i++) {
			o.share = shares[i];
			result = measure(r, "fork-write", &o);
			curve_add(c, shares[i],
				  median(result, "child", "copied_bytes") / (double)(1 << 20));
			fprintf(r->page, "<tr><td>%s</td><td>%" PRIu64 " %%</td>", name[kind],
				shares[i]);
			put_cell(r, format_number(median(result, "child", "pages_written")));
			put_cell(r, format_size(median(result, "child", "copied_bytes")));
			put_cell(r, format_number(median(result, "child", "thp_split")));
			put_cell(r, format_number(median(result, "child", "hugetlb_copied")));
			put_cell(r, format_duration(median(result, "child", "write_ns")));
			fputs("</tr>\n", r->page);
		}
	}
	fputs("</table>\n", r->page);
	put_picture(r, &p,
		    "A page is copied when it is first written, and only that page. A "
		    "transparent huge page is split first, so it costs no more; a hugetlb page is "
		    "copied whole, so a few writes in the wrong places copy everything.");
}

/* Part 3: faults over time during a snapshot. */
static void report_snapshot(struct report *r, uint64_t size)
{
	struct picture p = {
		.file = "snapshot",
		.title = "Copy-on-write faults of a parent whose child saves a snapshot",
		.x_label = "time since the fork (s)",
		.y_label = "per second",
		.right_label = "share of the memory copied (%)",
	};
	struct curve *writes = picture_curve(&p, "writes", "steps");
	struct curve *faults = picture_curve(&p, "copy-on-write faults", "steps");
	struct curve *copied = picture_curve(&p, "copied so far (right axis)", "lines");
	struct bench_options o = r->o;
	const struct result *result;
	const struct point *now, *before;
	double seconds;
	size_t i;

	o.size = size;
	o.count = 1;
	o.warmup = 0;
	o.rate = WRITES_PER_PAGE * size / COWSTAT_PAGE_BYTES * 1000 / o.duration_ms;
	fputs("<h2>Copy-on-write faults over time in a snapshot</h2>\n", r->page);
	result = measure(r, "snapshot", &o);
	for (i = 1; i < result->nr_points; i++) {
		before = &result->point[i - 1];
		now = &result->point[i];
		seconds = (now->ns - before->ns) / 1e9;
		/* The last sample may come right after another: too short a time for a rate. */
		if (seconds * 1000 * 200 < o.duration_ms)
			continue;
		curve_add(writes, now->ns / 1e9, (now->writes - before->writes) / seconds);
		curve_add(faults, now->ns / 1e9, (now->faults - before->faults) / seconds);
		curve_add(copied, now->ns / 1e9, now->copied_bytes * 100.0 / result->bytes);
	}
	copied->right = true;
	fprintf(r->page,
		"<p>A process of %s forks; for %s the child reads everything, while the parent makes ",
		format_size_short(size).s, format_duration(o.duration_ms * 1000000).s);
	fprintf(r->page,
		"%s writes a second, to pages drawn at random. It wrote %s times, to %s pages, and copied ",
		format_number(o.rate).s, format_number(median(result, "parent", "writes")).s,
		format_number(median(result, "parent", "pages_written")).s);
	fprintf(r->page,
		"%s pages; the child copied %s. A write took %s (median) and %s (99th percentile).</p>\n",
		format_number(median(result, "parent", "copied")).s,
		format_number(median(result, "child", "copied")).s,
		format_duration(median(result, "parent", "write_ns")).s,
		format_duration(series_at(subject_series(result_subject(result, "parent"),
							 "write_ns"),
					  99))
			.s);
	put_picture(r, &p,
		    "Each first write to a page causes a fault and a copy; later writes to it cost "
		    "nothing. So the faults become rare although the writes go on.");
}

/* Part 4: workers. */
static void report_prefork(struct report *r, uint64_t size)
{
	static const char *const head[] = {
		"Workers",
		"Without copy-on-write",
		"Copied for all of them",
		"Pages copied by each",
		"Page tables of all",
		"fork() call",
	};
	struct bench_options o = r->o;
	const struct result *result;
	size_t i;

	o.size = size;
	o.share = 10;
	fputs("<h2>Preforked workers</h2>\n", r->page);
	fprintf(r->page,
		"<p>Workers of a process of %s, each of which writes a tenth of its pages.</p>\n",
		format_size_short(size).s);
	begin_table(r, head, ARRAY_SIZE(head));
	for (i = 0; i < ARRAY_SIZE(crews); i++) {
		o.workers = crews[i];
		result = measure(r, "prefork", &o);
		fprintf(r->page, "<tr><td>%" PRIu64 "</td>", crews[i]);
		put_cell(r, format_size_short(crews[i] * result->bytes));
		put_cell(r, format_size(median(result, "workers", "copied_bytes")));
		put_cell(r, format_number(median(result, "worker", "copied")));
		put_cell(r, format_size(median(result, "workers", "birth_pgtables_bytes")));
		put_cell(r, format_duration(median(result, "worker", "call_ns")));
		fputs("</tr>\n", r->page);
	}
	fputs("</table>\n", r->page);
}

static const char page_head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<title>cowbench: what copy-on-write does</title>\n<style>\n"
	"body { font: 16px/1.5 sans-serif; max-width: 54em; margin: 2em auto; padding: 0 1em;\n"
	"       color: #222; background: #fff }\n"
	"h1, h2 { line-height: 1.2; margin-top: 1.6em }\n"
	"table { border-collapse: collapse; margin: 1em 0; font-size: 85% }\n"
	"th, td { border-bottom: 1px solid #ddd; padding: .25em .7em; text-align: right }\n"
	"th { vertical-align: bottom; border-bottom: 2px solid #888 }\n"
	"th:first-child, td:first-child { text-align: left }\n"
	"td { white-space: nowrap }\n"
	"td[colspan], table.facts td { white-space: normal }\n"
	"table.facts td, table.facts th { text-align: left; border-bottom: 1px solid #ddd }\n"
	"figure { margin: 1.5em 0 } img { max-width: 100%; height: auto }\n"
	"figcaption { font-size: 90%; color: #555 }\n"
	".emulated { background: #fff3cd; border-left: 5px solid #d98200; padding: .7em 1em }\n"
	"</style>\n</head>\n<body>\n<h1>What copy-on-write does</h1>\n";

static void put_fact(struct report *r, const char *what, const char *text)
{
	fprintf(r->page, "<tr><th>%s</th><td>", what);
	put_text(r, *text ? text : "not known");
	fputs("</td></tr>\n", r->page);
}

static void put_head(struct report *r)
{
	const struct machine *m = r->m;
	time_t now = time(NULL);
	char text[64];

	fputs(page_head, r->page);
	if (m->emulated)
		fprintf(r->page,
			"<p class=\"emulated\"><strong>Taken under emulation (%s).</strong> "
			"Counts are exact. Compare times only with each other: they are not those of real "
			"hardware.</p>\n",
			m->hypervisor);
	fputs("<table class=\"facts\">\n", r->page);
	put_fact(r, "Kernel", m->kernel);
	put_fact(r, "Processor", m->cpu);
	snprintf(text, sizeof(text), "%u online%s%s", m->cpus, r->o.cpus ? ", measured on " : "",
		 r->o.cpus ?: "");
	put_fact(r, "CPUs", text);
	put_fact(r, "Memory", format_size(m->memory).s);
	put_fact(r, "Hypervisor", m->hypervisor);
	put_fact(r, "Transparent huge pages", m->thp);
	put_fact(r, "Clock", m->clocksource);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", gmtime(&now));
	put_fact(r, "Measured", text);
	snprintf(text, sizeof(text), "cowbench " COWSTAT_RELEASE);
	put_fact(r, "By", text);
	snprintf(text, sizeof(text), "%" PRIu64 " after %" PRIu64 " to warm up", r->o.count,
		 r->o.warmup);
	put_fact(r, "Runs of each", text);
	fputs("</table>\n", r->page);
}

static void put_tail(struct report *r)
{
	json_t *json = results_json(r->result, r->nr, r->m);

	fputs("<h2>All figures</h2>\n<p>This page contains all figures as JSON, in the element "
	      "<code>cowbench-data</code>: durations in nanoseconds, sizes in bytes.</p>\n"
	      "<script type=\"application/json\" id=\"cowbench-data\">\n",
	      r->page);
	/* "/" is escaped, so that nothing in the JSON can end the element. */
	if (json_dumpf(json, r->page, JSON_COMPACT | JSON_ESCAPE_SLASH))
		errx(EXIT_FAILURE, "cannot write the figures");
	fputs("\n</script>\n</body>\n</html>\n", r->page);
	json_decref(json);
}

/* Return: how many of the sizes, from the smallest on, this machine has memory for. */
static size_t sizes_that_fit(const struct bench_options *o, const uint64_t *size, size_t nr)
{
	const struct scenario *s = find_scenario("eager");
	struct bench_options try = *o;
	char why[256];
	size_t i;

	for (i = 0; i < nr; i++) {
		try.size = size[i];
		if (!scenario_possible(s, &try, why, sizeof(why))) {
			warnx("left out %s and up: %s", format_size_short(size[i]).s, why);
			break;
		}
	}
	if (!i)
		errx(EXIT_FAILURE, "there is not enough memory for any of the sizes");
	return i;
}

/**
 * report_make() - run all scenarios and write the page
 * @to: the files to write
 * @o: count (0 for the default), warm-up, CPUs and duration
 * @size: memory sizes, the smallest first
 * @nr_sizes: their number; 0 for the default sizes
 * @m: the machine
 *
 * Ends the program on any error.
 *
 * Return: exit status of the program.
 */
int report_make(const struct report_output *to, const struct bench_options *o, const uint64_t *size,
		size_t nr_sizes, const struct machine *m)
{
	struct report *r = calloc(1, sizeof(*r));
	uint64_t part;
	size_t i;

	if (!r)
		err(EXIT_FAILURE, NULL);
	if (!nr_sizes) {
		size = default_sizes;
		nr_sizes = ARRAY_SIZE(default_sizes);
	}
	/* Check now what would otherwise fail at the end. */
	if (!can_draw())
		return EXIT_FAILURE;
	if (to->pictures && access(to->pictures, W_OK | X_OK))
		err(EXIT_FAILURE, "cannot write to %s", to->pictures);
	r->page = fopen(to->page, "we");
	if (!r->page)
		err(EXIT_FAILURE, "cannot write %s", to->page);
	r->pictures = to->pictures;
	r->m = m;
	r->o = *o;
	if (!r->o.count)
		r->o.count = DEFAULT_COUNT;
	snprintf(r->caption, sizeof(r->caption), "Linux %.40s, %.40s%s", m->kernel,
		 m->emulated ? m->hypervisor : m->cpu,
		 m->emulated ? ": emulated, compare times only" : "");
	nr_sizes = sizes_that_fit(&r->o, size, nr_sizes);
	part = smaller(PART_SIZE, size[nr_sizes - 1]);

	put_head(r);
	report_latency(r, size, nr_sizes);
	report_shares(r, part);
	report_snapshot(r, part);
	report_prefork(r, part);
	put_tail(r);
	if (fclose(r->page))
		err(EXIT_FAILURE, "cannot write %s", to->page);
	printf("%s: %zu measurements\n", to->page, r->nr);
	for (i = 0; i < r->nr; i++)
		result_free(&r->result[i]);
	free(r);
	return EXIT_SUCCESS;
}
