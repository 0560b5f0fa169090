/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Marks in the stream of instructions that the profiler's plugin looks for: long
 * no-operations with numbers that no compiler writes.
 */
#ifndef BENCH_MARKS_H
#define BENCH_MARKS_H

#define MARK_SIZE	7
#define MARK_START	"\x0f\x1f\x80\x51\x46\x50\x01"	/* nopl 0x01504651(%rax) */
#define MARK_STOP	"\x0f\x1f\x80\x51\x46\x50\x02"	/* nopl 0x02504651(%rax) */

#define mark_start()	asm volatile("nopl 0x01504651(%%rax)" : : : "memory")
#define mark_stop()	asm volatile("nopl 0x02504651(%%rax)" : : : "memory")

#endif
