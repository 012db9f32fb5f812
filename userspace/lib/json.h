/* SPDX-License-Identifier: GPL-2.0 */
/*
 * JSON as all tools write it. The names of processes and files may hold any bytes, but JSON
 * must be UTF-8: each bad byte becomes U+FFFD, and json_put_name() adds the bytes in
 * hexadecimal. A number beyond 63 bits is a string.
 *
 * Every function here ends the program when memory is out: a document with a hole in it is
 * worse than none.
 */
#ifndef COWSTAT_JSON_H
#define COWSTAT_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

void json_put(json_t *object, const char *name, json_t *value);
void json_put_name(json_t *object, const char *name, const char *s);
void json_add(json_t *array, json_t *value);
json_t *json_uint(uint64_t n);
json_t *json_uint_string(uint64_t n);
json_t *json_text(const char *s);
int json_write(FILE *to, json_t *json, bool line);

#endif /* COWSTAT_JSON_H */
