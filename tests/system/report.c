// SPDX-License-Identifier: GPL-2.0
/*
 * cowbench report: one page that needs no other file, and pictures that are XML. Only the root of
 * one release has gnuplot (COWSTAT_PROGRAMS, see run). On the others cowbench must say what is
 * missing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "harness.h"

#define DIR	"/tmp/report"
#define PAGE_FILE	DIR "/page.html"

static const char check[] =
	"import sys, re, json, base64\n"
	"import xml.dom.minidom as xml\n"
	"from html.parser import HTMLParser\n"
	"page = open('" PAGE_FILE "', encoding='utf-8').read()\n"
	"class Parser(HTMLParser):\n"
	"    def handle_starttag(self, tag, attrs):\n"
	"        for key, value in attrs:\n"
	"            if key in ('src', 'href'): assert value.startswith('data:'), value[:40]\n"
	"        assert tag != 'link'\n"
	"Parser().feed(page)\n"
	"inline = re.findall('src=\"data:image/svg[+]xml;base64,([^\"]*)\"', page)\n"
	"assert len(inline) == 3, len(inline)\n"
	"for name, data in zip(('fork-latency', 'share-written', 'snapshot'), inline):\n"
	"    svg = open('" DIR "/' + name + '.svg', 'rb').read()\n"
	"    assert base64.b64decode(data, validate=True) == svg, name\n"
	"    assert xml.parseString(svg).documentElement.tagName == 'svg', name\n"
	"data = re.search('id=\"cowbench-data\">(.*?)</script>', page, re.S).group(1)\n"
	"data = json.loads(data)\n"
	"assert data['schema'] == 1 and len(data['results']) > 10\n"
	"assert ('Taken under emulation' in page) == data['machine']['emulated']\n"
	"assert data['machine']['kernel'] in page\n";

static int status_of(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(void)
{
	char command[512];
	FILE *f;

	if (mkdir(DIR, 0755))
		bail("cannot make " DIR);
	start_row();
	snprintf(command, sizeof(command),
		 "%s/cowbench report --size 1M,2M --count 1 --warmup 0 --duration 1 --output " PAGE_FILE
		 " --pictures " DIR " >" DIR "/log 2>&1",
		 getenv("COWSTAT_BUILD"));
	if (!getenv("COWSTAT_PROGRAMS")) {
		is(status_of(command), 1, "without gnuplot the report fails");
		is(status_of("grep -q 'gnuplot-nox' " DIR "/log"), 0,
		   "without gnuplot it says what to install");
		return done();
	}
	is(status_of(command), 0, "the report is made");
	f = fopen(DIR "/check.py", "w");
	if (!f || fputs(check, f) < 0 || fclose(f))
		bail("cannot write the check");
	is(status_of("python3 " DIR "/check.py"), 0,
	   "the page needs no other file, its figures are JSON, its pictures XML");
	return done();
}
