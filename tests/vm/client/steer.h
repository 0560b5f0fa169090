/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs of one function, and the formula by which steering chooses, from the description. */
#ifndef CONFORMANCE_STEER_H
#define CONFORMANCE_STEER_H

#include "client.h"

struct argument { uint64_t addr, size; int64_t nelem; };
struct function { uint64_t symbol; struct argument arg[8]; int64_t next; };
struct program { uint64_t size, entry; struct function fun[2]; };

_Static_assert(sizeof(struct function) == 208, "");
_Static_assert(offsetof(struct program, fun) == 16, "");

struct program steer_program_of(const char *symbol);
int steer_program(int fd, int gid, const struct program *p);
int steer_function(int fd, int gid, const char *symbol);

/* Which of n readers, in the order of their ids, a hash chooses; -1 if the weights are all 0. */
int steer_choose(const int *weights, int n, uint32_t hash);

#endif
