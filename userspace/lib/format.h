/* SPDX-License-Identifier: GPL-2.0 */
/* Figures as people read them, and figures as people type them. */
#ifndef COWSTAT_FORMAT_H
#define COWSTAT_FORMAT_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct text - a short string that is passed by value
 * @s: NUL-terminated
 *
 * So a figure can be printed without naming a buffer: printf("%s", format_size(n).s).
 */
struct text {
	char s[64];
};

struct text format_size(uint64_t bytes);
struct text format_size_short(uint64_t bytes);
struct text format_size_tight(uint64_t bytes);
struct text format_number(uint64_t n);
struct text format_count(uint64_t n, const char *one, const char *more);
struct text format_fit(uint64_t n, unsigned int width);
struct text format_duration(uint64_t ns);
struct text format_age(uint64_t ns);
struct text format_percent(int64_t part, uint64_t whole);
struct text format_bar(uint64_t part, uint64_t whole, unsigned int width);
struct text format_rate(uint64_t n, uint64_t span_ns, unsigned int width);
struct text format_ms(uint64_t ns, unsigned int width);
struct text format_seconds(uint64_t ns);
struct text format_printable(const char *name);

int parse_digits(const char *digits, size_t len, uint64_t *n);
int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *n);
int parse_seconds(const char *text, uint64_t *ns);
int parse_size(const char *text, uint64_t *bytes);

#endif /* COWSTAT_FORMAT_H */
