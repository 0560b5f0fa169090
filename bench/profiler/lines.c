// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A plugin of QEMU's emulator that finds the cache lines which kernel modules write on
 * one processor and use on another, between two marks that the guest executes (see
 * marks.h), and writes
 *
 *	LINE CODE READERS WRITERS WRITES
 *
 * for each instruction that used such a line to the file that its argument into=
 * names: addresses, masks of the processors, and how often it was written, all
 * hexadecimal; again at each second mark.
 *
 * Addresses are virtual. What modules share is at the same one on all processors.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator.h"

#define MODULES		0xffffffffc0000000ULL	/* where x86 has them, from there on */
#define LINE_SHIFT	6
#define BUCKETS		(1U << 20)

/* One instruction's use of a line; NULL ends the list of a bucket. */
struct use {
	struct use *next;
	uint64_t line;
	uint64_t code;
	uint64_t readers;
	uint64_t writers;
	uint64_t writes;
};

static struct use *uses[BUCKETS];
static const char *path;
static bool running;

static struct use **bucket(uint64_t line)
{
	return &uses[(line ^ line >> 20) % BUCKETS];
}

static struct use *find(uint64_t line, uint64_t code)
{
	struct use **list = bucket(line), *u;

	for (u = *list; u; u = u->next)
		if (u->line == line && u->code == code)
			return u;
	u = calloc(1, sizeof(*u));
	if (!u)
		abort();
	u->line = line;
	u->code = code;
	u->next = *list;
	*list = u;
	return u;
}

static void used(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
	struct use *u;

	if (!running)
		return;
	u = find(address >> LINE_SHIFT, (uint64_t)(uintptr_t)data);
	if (qemu_plugin_mem_is_store(info)) {
		u->writers |= 1ULL << cpu % 64;
		u->writes++;
	} else {
		u->readers |= 1ULL << cpu % 64;
	}
}

static void start(unsigned int cpu, void *data)
{
	struct use *u, *next;
	unsigned int i;

	(void)cpu;
	(void)data;
	for (i = 0; i < BUCKETS; i++) {
		for (u = uses[i]; u; u = next) {
			next = u->next;
			free(u);
		}
		uses[i] = NULL;
	}
	running = true;
}

/* Does one processor write a line that another one uses? */
static bool shared(uint64_t line)
{
	uint64_t users = 0, writers = 0;
	const struct use *u;

	for (u = *bucket(line); u; u = u->next) {
		if (u->line != line)
			continue;
		users |= u->readers | u->writers;
		writers |= u->writers;
	}
	return writers && (users & (users - 1));
}

static void stop(unsigned int cpu, void *data)
{
	const struct use *u;
	unsigned int i;
	FILE *file;

	(void)cpu;
	(void)data;
	running = false;
	file = fopen(path, "w");
	if (!file)
		return;
	for (i = 0; i < BUCKETS; i++)
		for (u = uses[i]; u; u = u->next)
			if (shared(u->line))
				fprintf(file,
					"%" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 "\n",
					u->line << LINE_SHIFT, u->code, u->readers, u->writers,
					u->writes);
	fclose(file);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;
	struct qemu_plugin_insn *insn;
	uint64_t code;

	(void)id;
	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		code = qemu_plugin_insn_vaddr(insn);
		if (code >= MODULES)
			qemu_plugin_register_vcpu_mem_cb(insn, used, CB_NO_REGS, MEM_READ | MEM_WRITE,
							 (void *)(uintptr_t)code);
		if (is_mark(insn, MARK_START))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, start, CB_NO_REGS, NULL);
		else if (is_mark(insn, MARK_STOP))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, stop, CB_NO_REGS, NULL);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	path = into(argc, argv);
	if (!path)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
