/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A namespace of PFQ, with sockets and groups, that no system call has made.
 */
#ifndef _PFQ_TEST_WORLD_H
#define _PFQ_TEST_WORLD_H

#include <kunit/test.h>

struct pfq_group;
struct pfq_net;
struct pfq_sock;

int pfq_world_init(struct kunit *test);
void pfq_world_exit(struct kunit *test);

/* The socket of that id, made when it is asked for first: its weight is 1. */
struct pfq_sock *pfq_world_sock(struct kunit *test, int id);
/* It can take frames: its ring is there, though nothing can be written to it. */
void pfq_world_enable(struct kunit *test, struct pfq_sock *ps);
struct pfq_net *pfq_world_net(struct kunit *test);
struct pfq_group *pfq_world_group(struct kunit *test, int gid);
/* Makes the table that a group with a program has. */
void pfq_world_fanout(struct kunit *test, int gid);

#endif /* _PFQ_TEST_WORLD_H */
