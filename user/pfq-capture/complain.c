// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdio.h>

#include "complain.h"

static void say(const char *kind, const char *hint, const char *fmt, va_list ap)
{
	fprintf(stderr, "pfq-capture: %s", kind);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	if (hint)
		fprintf(stderr, "  hint: %s\n", hint);
}

int complain(int code, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", hint, fmt, ap);
	va_end(ap);
	return code;
}

void warn(const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("warning: ", hint, fmt, ap);
	va_end(ap);
}
