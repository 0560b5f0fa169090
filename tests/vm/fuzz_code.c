// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Code for the fuzzer: classic BPF, and programs of functions; good, damaged,
 * and damaged by another thread while the kernel reads them.
 */
#include <linux/filter.h>

#include "fuzz.h"

/* --- classic BPF ------------------------------------------------------------------ */

static struct sock_filter instruction(struct thread *t, unsigned int left)
{
	static const unsigned short codes[] = {
		BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_H | BPF_ABS, BPF_LD | BPF_B | BPF_ABS,
		BPF_LD | BPF_W | BPF_IND, BPF_LD | BPF_B | BPF_IND, BPF_LD | BPF_IMM,
		BPF_LD | BPF_MEM, BPF_LD | BPF_W | BPF_LEN, BPF_LDX | BPF_IMM, BPF_LDX | BPF_MEM,
		BPF_LDX | BPF_B | BPF_MSH, BPF_LDX | BPF_W | BPF_LEN, BPF_ST, BPF_STX,
		BPF_ALU | BPF_ADD | BPF_K, BPF_ALU | BPF_DIV | BPF_X, BPF_ALU | BPF_MOD | BPF_X,
		BPF_ALU | BPF_LSH | BPF_K, BPF_ALU | BPF_RSH | BPF_X, BPF_ALU | BPF_NEG,
		BPF_ALU | BPF_MUL | BPF_X, BPF_JMP | BPF_JA, BPF_JMP | BPF_JEQ | BPF_K,
		BPF_JMP | BPF_JGT | BPF_X, BPF_JMP | BPF_JSET | BPF_K, BPF_MISC | BPF_TAX,
		BPF_MISC | BPF_TXA, BPF_RET | BPF_K, BPF_RET | BPF_A,
	};
	struct sock_filter insn = { .code = codes[below(t, sizeof(codes) / sizeof(*codes))] };
	unsigned int class = BPF_CLASS(insn.code);

	insn.k = one_in(t, 3) ? any(t) : below(t, 64);
	if (class == BPF_JMP) {
		insn.jt = below(t, left < 255 ? left + 1 : 255);
		insn.jf = below(t, left < 255 ? left + 1 : 255);
		if (BPF_OP(insn.code) == BPF_JA)
			insn.k = below(t, left + 1);
	} else if (class == BPF_ST || class == BPF_STX || BPF_MODE(insn.code) == BPF_MEM) {
		insn.k = below(t, 16);
	} else if (class == BPF_LD && BPF_MODE(insn.code) == BPF_ABS && one_in(t, 4)) {
		insn.k = SKF_AD_OFF + 4 * below(t, 20);
	} else if (class == BPF_ALU) {
		insn.k = 1 + below(t, 31);
	}
	return insn;
}

int fuzz_filter(struct thread *t, int fd)
{
	static __thread struct sock_filter code[4200];
	struct { int32_t gid, pad; uint16_t length, more[3]; uint64_t filter; } argument = { 0 };
	unsigned int count = one_in(t, 20) ? below(t, 4200) : 1 + below(t, 12), i;

	for (i = 0; i < count; i++)
		code[i] = instruction(t, count - i > 2 ? count - i - 2 : 0);
	if (count && !one_in(t, 10))
		code[count - 1] = (struct sock_filter){ BPF_RET | BPF_K, 0, 0, one_in(t, 3) ? 0 : 65535 };
	if (one_in(t, 10))
		mutate(t, code, count * sizeof(*code));
	argument.gid = below(t, 4);
	argument.length = one_in(t, 10) ? (uint16_t)any(t) : count;
	argument.filter = (uintptr_t)(one_in(t, 16) ? wild_pointer(t) : code);
	return setsockopt(fd, 27, 14, &argument, sizeof(argument));
}

/* --- programs of functions ---------------------------------------------------------- */

#define NODES 12

struct argument { uint64_t addr, size; int64_t count; };
struct function { uint64_t symbol; struct argument arg[8]; int64_t next; };
struct program { uint64_t size, entry; struct function fun[NODES]; };

static const char *const symbols[] = {
	/* none, then a number, a string, functions, vectors: what each takes is not looked at */
	"steer_flow", "steer_link", "steer_p2p", "steer_rrobin", "steer_rss", "unit", "ip", "udp",
	"drop", "broadcast", "kernel", "is_ip", "ip_ttl", "classify", "port", "l4_proto", "mark",
	"steer_to", "inc", "forward", "link", "bridge", "log_msg", "conditional", "when", "unless",
	"par", "par8", "not", "or", "less", "equal", "filter", "addr", "vlan_id", "bloom",
	"steer_field", "shift", "inv", "nonsense", "",
};

/* By all threads of a process: one changes it while the kernel copies another's. */
static struct program common;
static char text[64] = "v0";
static const char *names[] = { "v0", "v1", "nonsense", NULL };
static uint32_t numbers[64];

static void one_argument(struct thread *t, struct argument *a, unsigned int node, unsigned int count)
{
	switch (below(t, 6)) {
	case 0:
		*a = (struct argument){ (uintptr_t)numbers, 1 << below(t, 5), -1 };
		break;
	case 1:
		*a = (struct argument){ (uintptr_t)text, 0, -1 };
		break;
	case 2:
		*a = (struct argument){ (uintptr_t)numbers, 4, below(t, 65) };
		break;
	case 3:
		*a = (struct argument){ (uintptr_t)names, 0, below(t, 5) };
		break;
	case 4:
		*a = (struct argument){ 0, (node + 1 + below(t, 3)) % (count + 1), -1 };
		break;
	default:
		*a = (struct argument){ (uintptr_t)wild_pointer(t), any(t) >> below(t, 64),
					(int64_t)any(t) >> below(t, 64) };
	}
}

static void make_program(struct thread *t, struct program *p)
{
	bool plain = one_in(t, 3);	/* one steering function, which every core takes */
	unsigned int count = plain || one_in(t, 2) ? 1 : 1 + below(t, NODES), i, k;

	memset(p, 0, sizeof(*p));
	p->size = count;
	for (i = 0; i < count; i++) {
		struct function *f = &p->fun[i];
		unsigned int which = below(t, sizeof(symbols) / sizeof(*symbols));

		if (plain)
			which %= 5;
		else if (one_in(t, 2))
			which %= 11;
		else if (!one_in(t, 3))
			for (k = below(t, 4); k--;)
				one_argument(t, &f->arg[k], i, count);
		f->symbol = (uintptr_t)symbols[which];
		f->next = !plain && one_in(t, 8) ? (int64_t)any(t) >> below(t, 64) : i + 1;
	}
}

int fuzz_program(struct thread *t, int fd)
{
	static __thread struct program own;
	struct { int32_t gid, pad; uint64_t program; } argument = { below(t, 4), 0, 0 };
	struct program *p = one_in(t, 3) ? &common : &own;

	if (p == &own || one_in(t, 2))
		make_program(t, p);
	if (one_in(t, 6))
		mutate(t, p, 16 + sizeof(struct function) * (p->size % NODES));
	if (one_in(t, 20))
		p->size = one_in(t, 2) ? any(t) : any(t) & 0xffff;
	argument.program = (uintptr_t)(one_in(t, 30) ? wild_pointer(t) : p);
	return setsockopt(fd, 27, 17, &argument, sizeof(argument));
}
