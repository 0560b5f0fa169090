// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A plugin of QEMU's emulator that counts how often each piece of code runs
 * between two marks that the guest executes (see marks.h), and writes
 *
 *	ADDRESS INSTRUCTIONS
 *
 * for each translated block to the file that its argument into= names: again at
 * each second mark, so that what remains is the last measurement.
 *
 * What is needed of QEMU's plugin interface, version 1, is declared here, since
 * distributions do not package its header.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "marks.h"

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;
enum { CB_NO_REGS };
enum { INLINE_ADD_U64 };
typedef void (*tb_trans_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*exec_cb)(unsigned int cpu, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_trans_cb cb);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, exec_cb cb, int flags,
					    void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op, void *ptr,
						uint64_t imm);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id,
							       const struct qemu_info *info,
							       int argc, char **argv);

#define BUCKETS	(1U << 16)

struct piece {
	struct piece *next;
	uint64_t address;
	uint64_t count;
};

static struct piece *pieces[BUCKETS];
static const char *path;

/* One for each address: a block is translated anew now and then. */
static struct piece *piece(uint64_t address)
{
	struct piece **bucket = &pieces[(address ^ address >> 16) % BUCKETS];
	struct piece *p;

	for (p = *bucket; p; p = p->next)
		if (p->address == address)
			return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	p->address = address;
	p->next = *bucket;
	*bucket = p;
	return p;
}

static void start(unsigned int cpu, void *data)
{
	struct piece *p;
	unsigned int i;

	(void)cpu;
	(void)data;
	for (i = 0; i < BUCKETS; i++)
		for (p = pieces[i]; p; p = p->next)
			p->count = 0;
}

static void stop(unsigned int cpu, void *data)
{
	FILE *file = fopen(path, "w");
	struct piece *p;
	unsigned int i;

	(void)cpu;
	(void)data;
	if (!file)
		return;
	for (i = 0; i < BUCKETS; i++)
		for (p = pieces[i]; p; p = p->next)
			if (p->count)
				fprintf(file, "%" PRIx64 " %" PRIu64 "\n", p->address, p->count);
	fclose(file);
}

static bool is(const struct qemu_plugin_insn *insn, const char *mark)
{
	return qemu_plugin_insn_size(insn) == MARK_SIZE &&
	       !memcmp(qemu_plugin_insn_data(insn), mark, MARK_SIZE);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;
	struct qemu_plugin_insn *insn;

	(void)id;
	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		qemu_plugin_register_vcpu_insn_exec_inline(
			insn, INLINE_ADD_U64, &piece(qemu_plugin_insn_vaddr(insn))->count, 1);
		if (is(insn, MARK_START))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, start, CB_NO_REGS, NULL);
		else if (is(insn, MARK_STOP))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, stop, CB_NO_REGS, NULL);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "into=", 5))
		return -1;
	path = strdup(argv[0] + 5);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
