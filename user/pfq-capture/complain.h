/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One way to fail: say what went wrong and what to do next; return the exit code. */
#ifndef PFQ_CAPTURE_COMPLAIN_H
#define PFQ_CAPTURE_COMPLAIN_H

/* Documented in docs/capture.md and --help; scripts rely on them. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_SYSTEM = 1,	/* a system call failed unexpectedly */
	EXIT_USAGE = 2,		/* wrong command line */
	EXIT_PFQ = 3,		/* no PFQ, another version, or no place left in it */
	EXIT_PERMISSION = 4,	/* not root */
	EXIT_DEVICE = 5,	/* no such device, or it cannot be bound */
	EXIT_GUARD = 6,		/* the NIC carries the default route or a session */
	EXIT_OUTPUT = 7,	/* the capture file cannot be written */
};

/*
 * Prints "pfq-capture: <message>" and, unless hint is NULL, an indented line
 * with the hint, to stderr. Returns code, so that callers can return it.
 */
int complain(int code, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, for what does not stop the capture. */
void warn(const char *hint, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
