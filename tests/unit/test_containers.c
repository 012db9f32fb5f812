// SPDX-License-Identifier: GPL-2.0
/* containers.c: names of containers in files as the runtimes write them, and in files that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgroups.h"
#include "containers.h"

#define ID(digit) #digit "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LIST	  "/var/lib/containers/storage/overlay-containers/containers.json"

static char folder[64];

/* Write a file below the folder, and the folders above it. */
static void put(const char *path, const char *text)
{
	char whole[512], *slash;
	FILE *f;

	snprintf(whole, sizeof(whole), "%s%s", folder, path);
	for (slash = whole + strlen(folder) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		mkdir(whole, 0700);
	}
	f = fopen(whole, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	containers_below(folder);
}

static const char *name_of(const char *id)
{
	return container_name(id) ?: "(none)";
}

static int begin(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/cowstat-containers.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	containers_below(folder);
	return 0;
}

static int end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static void names_of_runtimes(void **state)
{
	char to[256];

	(void)state;
	assert_null(container_name(ID(a)));
	put(LIST,
	    "[{\"id\":\"" ID(a) "\",\"names\":[\"web\",\"other\"],\"image\":\"x\"},"
				"{\"id\":\"" ID(b) "\",\"names\":[]},{\"id\":7},3,{\"names\":[\"no id\"]},"
						   "{\"id\":\"" ID(e) "\",\"names\":[\"k8s_db_pod\"]}]");
	put("/var/lib/docker/containers/" ID(c) "/config.v2.json",
	    "{\"ID\":\"" ID(c) "\",\"Name\":\"/docker one\"}");
	put("/run/containerd/io.containerd.runtime.v2.task/k8s.io/" ID(d) "/config.json",
	    "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"nginx\","
	    "\"io.kubernetes.cri.sandbox-name\":\"web-7\"}}");
	assert_string_equal(name_of(ID(a)), "web");
	assert_string_equal(name_of(ID(b)), "(none)");
	assert_string_equal(name_of(ID(c)), "docker one");
	assert_string_equal(name_of(ID(d)), "web-7:nginx");
	assert_string_equal(name_of(ID(e)), "k8s_db_pod");
	assert_string_equal(name_of(ID(f)), "(none)");
	assert_string_equal(name_of(ID(a) ".scope/container"), "web");
	assert_string_equal(name_of("abc"), "(none)");
	assert_string_equal(name_of("../../../../../../../../../../../../../../../../../../../../etc"),
			    "(none)");

	cgroups_readable(to, sizeof(to), "/machine.slice/libpod-" ID(a) ".scope/container");
	assert_string_equal(to, "/machine.slice/libpod-web.scope/container");
	cgroups_readable(to, sizeof(to), "/kubepods/pod1/" ID(f) "/" ID(d));
	assert_string_equal(to, "/kubepods/pod1/f123456789ab/web-7:nginx");
	cgroups_readable(to, 20, "/machine.slice/libpod-" ID(a) ".scope");
	assert_string_equal(to, "/machine.slice/libp");
	cgroups_readable(to, 24, "/machine.slice/libpod-" ID(a) ".scope");
	assert_string_equal(to, "/machine.slice/libpod-w");
	assert_string_equal(cgroups_container("/a/" ID(f) "/" ID(c) "/x"), "docker one");
	assert_null(cgroups_container("/a/" ID(f) "/deadbeef"));
	assert_null(cgroups_container("/"));
}

static void a_name_is_kept(void **state)
{
	char path[512];

	(void)state;
	put(LIST, "[{\"id\":\"" ID(a) "\",\"names\":[\"web\"]}]");
	assert_string_equal(name_of(ID(a)), "web");
	snprintf(path, sizeof(path), "%s" LIST, folder);
	assert_int_equal(unlink(path), 0);
	assert_string_equal(name_of(ID(a)), "web");
	containers_below(folder);
	assert_null(container_name(ID(a)));
}

/* As many ids with the same first digits as there are places for them. */
static void same_first_digits(void **state)
{
	char text[4096] = "[", id[65], name[16];
	size_t n = 1;
	int i;

	(void)state;
	for (i = 0; i < 8; i++)
		n += snprintf(text + n, sizeof(text) - n,
			      "%s{\"id\":\"%064d\",\"names\":[\"c%d\"]}", i ? "," : "", i, i);
	snprintf(text + n, sizeof(text) - n, "]");
	put(LIST, text);
	for (i = 7; i >= 0; i--) {
		snprintf(id, sizeof(id), "%064d", i);
		snprintf(name, sizeof(name), "c%d", i);
		assert_string_equal(name_of(id), name);
	}
	snprintf(id, sizeof(id), "%064d", 8);
	assert_null(container_name(id));
}

static void files_that_do_not_count(void **state)
{
	static const char text[] = "[{\"id\":\"" ID(a) "\",\"names\":[\"web\"]}]";
	char path[512], other[520];
	FILE *f;
	long i;

	(void)state;
	put(LIST, text);
	snprintf(path, sizeof(path), "%s" LIST, folder);
	snprintf(other, sizeof(other), "%s.other", path);

	/* somebody else could write it */
	assert_int_equal(chmod(path, 0602), 0);
	assert_null(container_name(ID(a)));
	containers_below(folder);
	assert_int_equal(chmod(path, 0600), 0);
	assert_string_equal(name_of(ID(a)), "web");
	/* a link, a pipe, a folder */
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	containers_below(folder);
	assert_null(container_name(ID(a)));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	containers_below(folder);
	assert_null(container_name(ID(a)));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	containers_below(folder);
	assert_null(container_name(ID(a)));
	assert_int_equal(rmdir(path), 0);
	/* of another form, or cut */
	put(LIST, "{\"id\":1}");
	assert_null(container_name(ID(a)));
	put(LIST, "[{\"id\":\"" ID(a) "\",\"names\":\"web\"}]");
	assert_null(container_name(ID(a)));
	put(LIST, "[{\"id\":\"" ID(a) "\",\"names\":[\"web\"]}");
	assert_null(container_name(ID(a)));
	put(LIST, "");
	assert_null(container_name(ID(a)));
	/* longer than we read: 9 MiB of spaces, then what would count */
	f = fopen(path, "w");
	assert_non_null(f);
	for (i = 0; i < 9 << 10; i++)
		fprintf(f, "%1024s", "");
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	containers_below(folder);
	assert_null(container_name(ID(a)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_of_runtimes, begin, end),
		cmocka_unit_test_setup_teardown(a_name_is_kept, begin, end),
		cmocka_unit_test_setup_teardown(same_first_digits, begin, end),
		cmocka_unit_test_setup_teardown(files_that_do_not_count, begin, end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
