// SPDX-License-Identifier: GPL-2.0
/* Accept as in RFC 9110, 12.5.1: "type;parameter=value;q=0.5, type, ...". */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "accept.h"

/* What one type of the list says. A weight below 0: it was not named. */
struct weights {
	double openmetrics;
	double text;
	int text_precision; /* of the type that set @text: "text/plain" is 2, "*" "/" "*" is 0 */
};

static char *trim(char *s)
{
	char *end;

	s += strspn(s, " \t");
	for (end = s + strlen(s); end > s && isspace((unsigned char)end[-1]);)
		*--end = '\0';
	return s;
}

/* Set @q and @version from "version=1.0.0", "q=0.5" and others. */
static void read_parameters(char *parameters, double *q, const char **version)
{
	char *word, *value;

	*q = 1;
	*version = NULL;
	while ((word = strsep(&parameters, ";"))) {
		value = strchr(word, '=');
		if (!value)
			continue;
		*value++ = '\0';
		word = trim(word);
		value = trim(value);
		if (*value == '"') {
			value++;
			value[strcspn(value, "\"")] = '\0';
		}
		if (!strcasecmp(word, "q"))
			*q = strtod(value, NULL);
		else if (!strcasecmp(word, "version"))
			*version = value;
	}
}

static void weigh(char *range, struct weights *w)
{
	static const char *const text[] = { "*/*", "text/*", "text/plain" };
	char *type = strsep(&range, ";");
	const char *version;
	double q;
	int i;

	type = trim(type);
	read_parameters(range, &q, &version);
	if (!strcasecmp(type, "application/openmetrics-text") &&
	    (!version || !strcmp(version, "1.0.0")) && q > w->openmetrics)
		w->openmetrics = q;
	for (i = 0; i < 3; i++) {
		if (strcasecmp(type, text[i]) || (version && strcmp(version, "0.0.4")) ||
		    i < w->text_precision)
			continue;
		w->text = q;
		w->text_precision = i;
	}
}

/**
 * accept_format() - choose the format of metrics
 * @accept: value of the request's header Accept; NULL if it has none
 *
 * Return: OpenMetrics for a client that names this format and does not prefer the other one; for
 * all others the older text format.
 */
enum metrics_format accept_format(const char *accept)
{
	struct weights w = { .openmetrics = -1, .text = -1 };
	char *copy = strdup(accept ?: ""), *rest = copy, *range;

	while (copy && (range = strsep(&rest, ",")))
		weigh(range, &w);
	free(copy);
	return w.openmetrics > 0 && w.openmetrics >= w.text ? METRICS_OPENMETRICS : METRICS_TEXT;
}

/**
 * accept_content_type() - get the media type of a format
 * @format: the format
 *
 * Return: the value of Content-Type.
 */
const char *accept_content_type(enum metrics_format format)
{
	return format == METRICS_OPENMETRICS ?
		       "application/openmetrics-text; version=1.0.0; charset=utf-8" :
		       "text/plain; version=0.0.4; charset=utf-8";
}
