// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "capture.h"
#include "complain.h"

#define NANO		1e9
#define IDLE_NS		1000000	/* pause when poll() says "ready" and nothing is there */
#define MAX_FAILURES	50	/* POLLERR in a row, a pause between each, before giving up */
#define DRAIN_WAIT_MS	20	/* for batches that the kernel has not flushed yet */

/* When the progress line was last printed, and what it said. */
struct progress {
	double at;
	uint64_t frames;
	uint64_t bytes;
};

static volatile sig_atomic_t stop_signal;

static void on_signal(int sig)
{
	stop_signal = sig;
}

void capture_handle_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };	/* no SA_RESTART: wake poll() */
	struct sigaction hangup;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* nohup stays in force */
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);	/* a write then fails with EPIPE */
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / NANO;
}

static void pause_briefly(void)
{
	const struct timespec ts = { .tv_nsec = IDLE_NS };

	nanosleep(&ts, NULL);
}

static bool enough(const struct capture *c)
{
	return c->opt->count && c->tally.frames >= c->opt->count;
}

static int take_frame(struct capture *c, const struct pfq_pkthdr *hdr)
{
	const uint32_t len = hdr->len;
	const struct pcap_frame frame = {
		.bytes = ring_bytes(hdr),
		.caplen = ring_caplen(&c->pfq->ring, hdr),
		.len = len,
		.sec = hdr->tstamp.tv.sec,
		.nsec = hdr->tstamp.tv.nsec,
		.tci = hdr->info.vlan.tci,
	};

	tally_frame(&c->tally, hdr->info.ifindex, hdr->info.queue, len);
	return output_frame(c->output, &frame);
}

/* Reads one half of the ring. Returns 0 or an exit code; *count is its frames. */
static int read_batch(struct capture *c, uint32_t *count)
{
	const struct pfq_pkthdr *hdr;
	struct ring_batch batch;
	uint32_t i;
	int ret;

	*count = ring_swap(&c->pfq->ring, &batch);
	for (i = 0; i < batch.count && !enough(c); i++) {
		hdr = ring_slot(&c->pfq->ring, &batch, i);
		if (!hdr) {
			c->tally.abandoned++;
			continue;
		}
		ret = take_frame(c, hdr);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * Waits for frames, at most timeout_ms. Neither a kernel that never wakes us nor
 * one that says "ready" for nothing makes this spin. Returns 0 or an exit code.
 */
static int wait_frames(const struct capture *c, int timeout_ms, bool idle)
{
	struct pollfd pfd = { .fd = c->pfq->fd, .events = POLLIN };
	static int failures;

	if (poll(&pfd, 1, timeout_ms) < 0) {
		if (errno == EINTR)
			return 0;
		return complain(EXIT_SYSTEM, NULL, "cannot wait for frames: %s", strerror(errno));
	}
	if (pfd.revents & (POLLERR | POLLHUP | POLLNVAL)) {
		if (++failures > MAX_FAILURES)
			return complain(EXIT_SYSTEM, "`dmesg` may tell why",
					"the PF_Q socket has failed");
		pause_briefly();
		return 0;
	}
	failures = 0;
	if (pfd.revents && idle)
		pause_briefly();
	return 0;
}

static void print_progress(const struct capture *c, struct progress *last, double at)
{
	struct pfq_stats stats;

	pfq_socket_stats(c->pfq, &stats);
	tally_progress(stderr, &c->tally, last->frames, last->bytes, at - last->at, stats.lost);
	*last = (struct progress){ at, c->tally.frames, c->tally.bytes };
}

static bool time_to_stop(struct capture *c, double elapsed)
{
	if (stop_signal)
		c->stopped_by = "signal";
	else if (enough(c))
		c->stopped_by = "count";
	else if (c->opt->seconds > 0 && elapsed >= c->opt->seconds)
		c->stopped_by = "time";
	else
		return false;
	return true;
}

/* Milliseconds to wait: --poll-ms, or less if a line or the end is due before. */
static int patience(const struct capture *c, double elapsed, double since_line)
{
	double wait = c->opt->poll_ms / 1e3;

	if (!c->opt->quiet && 1 - since_line < wait)
		wait = 1 - since_line;
	if (c->opt->seconds > 0 && c->opt->seconds - elapsed < wait)
		wait = c->opt->seconds - elapsed;
	return wait > 0 ? (int)(wait * 1e3) + 1 : 0;
}

int capture_run(struct capture *c)
{
	const double start = now();
	struct progress last = { .at = start };
	bool idle = false;
	uint32_t count;
	double at;
	int ret;

	while (at = now(), c->seconds = at - start, !time_to_stop(c, c->seconds)) {
		if (!c->opt->quiet && at - last.at >= 1)
			print_progress(c, &last, at);
		ret = wait_frames(c, patience(c, c->seconds, at - last.at), idle);
		if (!ret)
			ret = read_batch(c, &count);
		idle = !ret && !count;
		if (idle)	/* what is there goes to the reader while nothing else comes */
			ret = output_flush(c->output);
		if (ret)
			return ret;
	}
	return 0;
}

int capture_drain(struct capture *c)
{
	struct pollfd pfd = { .fd = c->pfq->fd, .events = POLLIN };
	uint32_t count;
	int ret;

	/* two halves, and one more that a late batch may have begun */
	do {
		ret = read_batch(c, &count);
		if (!ret && !count && poll(&pfd, 1, DRAIN_WAIT_MS) > 0)
			ret = read_batch(c, &count);
	} while (!ret && count && !enough(c));
	return ret;
}
