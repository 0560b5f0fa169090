// SPDX-License-Identifier: GPL-2.0-or-later
#include "steer.h"

struct program steer_program_of(const char *symbol)
{
	struct program p = { .size = 1, .fun[0] = { .symbol = (uintptr_t)symbol, .next = 1 } };

	return p;
}

int steer_program(int fd, int gid, const struct program *p)
{
	struct computation c = { .gid = gid, .prog = (uintptr_t)p };

	return q_set(fd, SO_Q_FUNCTION, &c, sizeof(c));
}

int steer_function(int fd, int gid, const char *symbol)
{
	struct program p = steer_program_of(symbol);

	return steer_program(fd, gid, &p);
}

static uint32_t mix(uint32_t a)
{
	a = (a ^ 0xdeadbeef) + (a << 4);
	a ^= a >> 10;
	a += a << 7;
	a ^= a >> 13;
	return a;
}

static uint32_t fold(uint32_t a, uint32_t n)
{
	uint32_t p = 1, r;

	if (n <= 1)
		return 0;
	if (!(n & (n - 1)))
		return a & (n - 1);
	if (n == 3 || n == 5 || n == 6 || n == 7)
		return a % n;
	while (p < n)
		p <<= 1;
	r = a & (p - 1);
	return r < n ? r : a % n;
}

int steer_choose(const int *weights, int n, uint32_t hash)
{
	int total = 0, i, left;

	for (i = 0; i < n; i++)
		total += weights[i];
	if (!total)
		return -1;
	left = (int)fold(mix(hash), (uint32_t)total);
	for (i = 0; left >= weights[i]; i++)
		left -= weights[i];
	return i;
}
