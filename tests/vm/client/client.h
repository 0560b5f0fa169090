/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the conformance client share: calls, verdicts, sections. */
#ifndef CONFORMANCE_CLIENT_H
#define CONFORMANCE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "abi.h"

/* --- calls: 0 (or the result), or a negative errno ------------------------ */

int q_socket(void);		/* ends the program if there is no PF_Q socket */
int q_try_socket(int type, int protocol);
int q_set(int fd, int option, const void *value, int len);
int q_get(int fd, int option, void *value, int len);
long q_number(int fd, int option);	/* a get with a size_t or int result */
int q_set_size(int fd, int option, size_t value);
int q_set_int(int fd, int option, int value);
int q_join(int fd, int gid, int policy, uint64_t class_mask);	/* returns the gid */
int q_leave(int fd, int gid);
int q_id(int fd);
int q_enable(int fd);
bool q_wide(int option);	/* does the get return 8 bytes? */

/* --- the world beside PFQ: a value or a negative errno -------------------- */

/* The number behind name at the start of a line; name NULL: the file's first number. */
long q_field(const char *path, const char *name);
int q_pair(int sockets[2]);
int q_send_fd(int through, int fd);
int q_receive_fd(int through);

/* --- verdicts ------------------------------------------------------------ */

#define ACCEPT_MAX 6
#define NOT_YET (-EOPNOTSUPP)	/* what a feature of a later release may answer */

void section(const char *name);
void verdict(bool ok, const char *name, const char *detail, ...)
	__attribute__((format(printf, 3, 4)));
/* expect(got, want, name...): want is 0, a value, or a negative errno. */
void expect(long got, long want, const char *name, ...) __attribute__((format(printf, 3, 4)));
/* The result must be one of those listed (up to ACCEPT_MAX). */
#define expect_any(got, name, ...)                                                 \
	expect_one_of((got), (name), (const long[]){ __VA_ARGS__ },                \
		      sizeof((const long[]){ __VA_ARGS__ }) / sizeof(long))
void expect_one_of(long got, const char *name, const long *want, size_t n);

/* Writes the JSON report, prints the plan; returns the exit code. */
int report_end(const char *json_path);

/*
 * Runs fn in a child process and takes over its verdicts: for what needs other
 * credentials, another process id, or a violent death.
 */
void in_child(void (*fn)(void *arg), void *arg);

/* --- sections -------------------------------------------------------------- */

void test_create(void);
void test_ids(void);
void test_exhaustion(void);
void test_poll(void);
void test_ioctl(void);
void test_syscalls(void);
void test_death(void);

void test_defaults(void);
void test_lengths(void);
void test_sizes(void);
void test_unknown(void);
void test_shmem_size(void);
void test_enable(void);
void test_control_block(void);
void test_mmap(void);
void test_disable(void);
void test_later(void);

void test_join(void);
void test_policy(void);
void test_release(void);
void test_bind(void);
void test_stats(void);

void test_memory(void);
void test_devices(void);
void test_generic_default(void);
void test_life(void);

struct limits {
	int sockets, groups, slots;
};

void test_limits(const struct limits *limits);
void test_container(bool allowed);

void test_filter_options(void);
void test_vlan_options(void);
void test_program_options(void);
void test_egress_options(void);

struct wires;

void test_filters(const struct wires *wires);
void test_vlans(const struct wires *wires, bool untag);
void test_steering(const struct wires *wires);
void test_oddities(const struct wires *wires, bool untag);
void test_switches(const struct wires *wires);
void test_switches_of(const char *device);
void test_loops(const struct wires *wires);
void test_segments(const struct wires *wires);
void test_nested(const struct wires *wires);
void test_soak(const char *device, unsigned int load_times, unsigned int cycle_times);
void test_egress(const struct wires *wires);
void test_churn(const struct wires *wires);
void test_clock(const struct wires *wires);

struct data_options {
	const char *device;
	const char *ready_file;
	unsigned long frames;
	unsigned long caplen;
	unsigned long slots;
	int queue;		/* -1: all */
	int timeout;		/* seconds without a frame before giving up */
};

void test_data(const struct data_options *opt);

#endif
