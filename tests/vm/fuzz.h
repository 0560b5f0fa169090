/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the fuzzer share. */
#ifndef FUZZ_H
#define FUZZ_H

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FAMILY		27
#define OBSERVED_GROUP	63

enum kind { OPEN, CLOSE, SET, GET, MAP, REMAP, SCRIBBLE, READ, POLL, FILTER, PROGRAM, PROC, PASS,
	    SPACE, DEVICE, DEATH, KINDS };

/* One thread of the fuzzer; it outlives the process that it is in. */
struct thread {
	uint64_t random;
	unsigned long left, done;
	unsigned long kinds[KINDS][2];	/* done, good */
	char doing[64];
};

struct shared {
	struct thread threads[16];
	int observer;
	char device[16];
};

extern struct shared *shared;
extern const char *const kind_names[KINDS];

void die(const char *what);

/* fuzz_work.c */
void fuzz_process(void);
void fuzz_thread(struct thread *t);

/* random.c-like helpers, in fuzz_work.c */
uint64_t any(struct thread *t);
unsigned int below(struct thread *t, unsigned int n);
bool one_in(struct thread *t, unsigned int n);
void *wild_pointer(struct thread *t);
void mutate(struct thread *t, void *bytes, size_t count);

/* fuzz_code.c: both return what setsockopt returned */
int fuzz_filter(struct thread *t, int fd);
int fuzz_program(struct thread *t, int fd);

#endif
