// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pfq-capture: counts and records the frames of network devices through PFQ.
 *
 *   options   what was asked           guard    may this NIC be taken?
 *   pfq       the PF_Q socket            routes, sessions: what it is judged by
 *   ring      the shared Rx queue      device   names, drivers, promiscuous mode
 *   capture   the loop                 output   the file; pcap: its format
 *   tally     counting and reporting   complain how errors are told
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "complain.h"
#include "device.h"
#include "guard.h"
#include "options.h"
#include "output.h"
#include "pfq.h"
#include "tally.h"

static int announce_fd(int fd, const char *what)
{
	static const char ready[] = "ready\n";

	if (write(fd, ready, sizeof(ready) - 1) != (ssize_t)sizeof(ready) - 1)
		return complain(EXIT_SYSTEM, NULL, "cannot write to %s: %s", what,
				strerror(errno));
	close(fd);
	return 0;
}

/* Tells whoever started us that frames are being captured from now on. */
static int announce(const struct pfq *pfq, const struct options *opt)
{
	int fd, ret;

	if (opt->ready_fd >= 0) {
		ret = announce_fd(opt->ready_fd, "--ready-fd");
		if (ret)
			return ret;
	}
	if (opt->ready_file) {
		fd = open(opt->ready_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		if (fd < 0)
			return complain(EXIT_SYSTEM, NULL, "cannot create %s: %s",
					opt->ready_file, strerror(errno));
		ret = announce_fd(fd, opt->ready_file);
		if (ret)
			return ret;
	}
	if (!opt->quiet)
		fprintf(stderr, "pfq-capture: ready: group %d, %d device%s, %u slots of %u bytes%s\n",
			pfq->gid, opt->ntargets, opt->ntargets > 1 ? "s" : "", pfq->ring.slots,
			pfq->ring.slot_size, opt->tap ? ", frames passed on" : "");
	return 0;
}

static void report(const struct capture *capture)
{
	const struct options *opt = capture->opt;
	struct summary summary = {
		.opt = opt,
		.tally = &capture->tally,
		.seconds = capture->seconds,
		.stopped_by = capture->stopped_by,
	};
	FILE *out = opt->write_path && !strcmp(opt->write_path, "-") ? stderr : stdout;

	pfq_socket_stats(capture->pfq, &summary.socket);
	pfq_group_stats(capture->pfq, &summary.group);
	if (opt->json)
		summary_json(out, &summary);
	else
		summary_text(out, &summary);
}

/* Everything that may refuse, before the first frame is taken from the stack. */
static int prepare(struct pfq *pfq, struct options *opt)
{
	int ret;

	ret = pfq_open(pfq);
	if (!ret)
		ret = devices_lookup(opt);
	if (!ret)
		ret = guard_check(opt);
	if (!ret)
		ret = pfq_enable(pfq, opt);
	if (!ret)
		ret = pfq_join(pfq, opt);
	return ret;
}

static int capture_frames(struct capture *capture)
{
	int ret, closed;

	ret = pfq_bind(capture->pfq, capture->opt);
	if (!ret)
		ret = output_flush(capture->output);
	if (!ret)
		ret = announce(capture->pfq, capture->opt);
	if (!ret) {
		capture->stopped_by = "error";	/* unless the loop knows better */
		ret = capture_run(capture);
	}
	pfq_unbind(capture->pfq, capture->opt);
	if (!ret)
		ret = capture_drain(capture);
	closed = capture->output->file ? output_close(capture->output) : 0;
	if (capture->stopped_by)
		report(capture);
	return ret ? ret : closed;
}

int main(int argc, char **argv)
{
	static struct options opt;
	static struct capture capture;
	struct output output;
	struct pfq pfq = { .fd = -1 };
	int ret;

	ret = options_parse(&opt, argc, argv);
	if (ret)
		return ret < 0 ? EXIT_OK : ret;
	ret = prepare(&pfq, &opt);
	if (ret)
		return ret;
	devices_advise(&opt);
	if (opt.promisc && devices_promisc(&opt) < 0)
		return EXIT_DEVICE;
	ret = output_open(&output, opt.write_path, pfq.caplen);
	if (ret)
		return ret;
	capture_handle_signals();
	capture = (struct capture){ .opt = &opt, .pfq = &pfq, .output = &output };
	return capture_frames(&capture);
}
