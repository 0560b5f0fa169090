// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

/* Verdicts live in shared memory, so that children can add to them. */
#define MAX_RESULTS 2000

struct result {
	bool ok;
	char name[120];
	char detail[160];
};

struct report {
	int count;
	int failed;
	char section[40];
	struct result results[MAX_RESULTS];
};

static struct report *report;

__attribute__((constructor)) static void report_begin(void)
{
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (report == MAP_FAILED)
		abort();
	setvbuf(stdout, NULL, _IOLBF, 0);
}

int q_try_socket(int type, int protocol)
{
	int fd = socket(FAMILY, type, protocol);

	return fd < 0 ? -errno : fd;
}

int q_socket(void)
{
	int fd = q_try_socket(SOCK_RAW, PROTOCOL);

	if (fd < 0) {
		printf("Bail out! socket(27, SOCK_RAW, ETH_P_ALL): %s\n", strerror(-fd));
		exit(1);
	}
	return fd;
}

int q_set(int fd, int option, const void *value, int len)
{
	return setsockopt(fd, FAMILY, option, value, (socklen_t)len) ? -errno : 0;
}

int q_get(int fd, int option, void *value, int len)
{
	socklen_t optlen = (socklen_t)len;

	return getsockopt(fd, FAMILY, option, value, &optlen) ? -errno : 0;
}

bool q_wide(int option)
{
	return option == GET_SHMEM_SIZE || option == GET_GROUPS ||
	       (option >= GET_RX_SLOT_SIZE && option <= GET_TX_SLOTS);
}

long q_number(int fd, int option)
{
	unsigned long wide = 0;
	int narrow = 0, ret;

	if (q_wide(option)) {
		ret = q_get(fd, option, &wide, sizeof(wide));
		return ret ? ret : (long)wide;
	}
	ret = q_get(fd, option, &narrow, sizeof(narrow));
	return ret ? ret : narrow;
}

int q_set_size(int fd, int option, size_t value)
{
	return q_set(fd, option, &value, sizeof(value));
}

int q_set_int(int fd, int option, int value)
{
	return q_set(fd, option, &value, sizeof(value));
}

int q_join(int fd, int gid, int policy, uint64_t class_mask)
{
	struct join join = { gid, policy, class_mask };
	int ret = q_get(fd, SO_Q_JOIN, &join, sizeof(join));

	return ret ? ret : join.gid;
}

int q_leave(int fd, int gid)
{
	return q_set_int(fd, SO_Q_LEAVE, gid);
}

int q_id(int fd)
{
	int id = VERSION;
	int ret = q_get(fd, GET_ID, &id, sizeof(id));

	return ret ? ret : id;
}

int q_enable(int fd)
{
	struct enable enable = { 0, 0, 0 };

	return q_set(fd, SO_Q_ENABLE, &enable, sizeof(enable));
}

/* --- verdicts ------------------------------------------------------------ */

void section(const char *name)
{
	snprintf(report->section, sizeof(report->section), "%s", name);
	printf("# %s\n", name);
}

static void vverdict(bool ok, const char *name, const char *detail, va_list ap)
{
	struct result *result;

	if (report->count == MAX_RESULTS) {
		printf("Bail out! more than %d results\n", MAX_RESULTS);
		exit(1);
	}
	result = &report->results[report->count++];
	result->ok = ok;
	report->failed += !ok;
	snprintf(result->name, sizeof(result->name), "%s: %s", report->section, name);
	vsnprintf(result->detail, sizeof(result->detail), detail, ap);
	printf("%sok %d - %s%s%s\n", ok ? "" : "not ", report->count, result->name,
	       *result->detail ? " # " : "", result->detail);
}

void verdict(bool ok, const char *name, const char *detail, ...)
{
	va_list ap;

	va_start(ap, detail);
	vverdict(ok, name, detail, ap);
	va_end(ap);
}

/* Negative numbers are errnos here; they are told by name. */
static const char *show(long value, char *buffer, size_t size)
{
	const char *name = value < 0 && value > -4096 ? strerrorname_np((int)-value) : NULL;

	if (name)
		snprintf(buffer, size, "-%s", name);
	else
		snprintf(buffer, size, "%ld", value);
	return buffer;
}

void expect(long got, long want, const char *fmt, ...)
{
	char name[120], a[32], b[32];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	if (got == want)
		verdict(true, name, "%s", show(got, a, sizeof(a)));
	else
		verdict(false, name, "got %s, expected %s", show(got, a, sizeof(a)),
			show(want, b, sizeof(b)));
}

void expect_one_of(long got, const char *name, const long *want, size_t n)
{
	char list[100] = "", one[32];
	size_t i;

	for (i = 0; i < n; i++)
		if (got == want[i])
			break;
	if (i < n) {
		verdict(true, name, "%s", show(got, one, sizeof(one)));
		return;
	}
	for (i = 0; i < n; i++) {
		strcat(list, i ? " or " : "");
		strcat(list, show(want[i], one, sizeof(one)));
	}
	verdict(false, name, "got %s, expected %s", show(got, one, sizeof(one)), list);
}

void in_child(void (*fn)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fn(arg);
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		verdict(false, "child process", "did not end well");
}

/* --- the report ---------------------------------------------------------- */

static void json_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if ((unsigned char)*text >= ' ')
			fputc(*text, out);
	}
	fputc('"', out);
}

static void write_json(FILE *out)
{
	int i;

	fputs("[", out);
	for (i = 0; i < report->count; i++) {
		const struct result *result = &report->results[i];

		fprintf(out, "%s\n  {\"name\": ", i ? "," : "");
		json_string(out, result->name);
		fprintf(out, ", \"ok\": %s, \"detail\": ", result->ok ? "true" : "false");
		json_string(out, result->detail);
		fputs("}", out);
	}
	fputs("\n]\n", out);
}

int report_end(const char *json_path)
{
	FILE *out;

	printf("1..%d\n# %d passed, %d failed\n", report->count, report->count - report->failed,
	       report->failed);
	if (json_path) {
		out = fopen(json_path, "w");
		if (!out) {
			perror(json_path);
			return 1;
		}
		write_json(out);
		if (fclose(out)) {
			perror(json_path);
			return 1;
		}
	}
	return report->failed ? 1 : 0;
}
