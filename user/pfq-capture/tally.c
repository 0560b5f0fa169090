// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <string.h>

#include "tally.h"

static struct lane *lane_find(struct tally *tally, int ifindex, uint16_t queue)
{
	struct lane *lane = &tally->lanes[tally->last];
	int i;

	if (tally->nlanes && lane->ifindex == ifindex && lane->queue == queue)
		return lane;
	for (i = 0; i < tally->nlanes; i++) {
		lane = &tally->lanes[i];
		if (lane->ifindex == ifindex && lane->queue == queue)
			break;
	}
	if (i == MAX_LANES)
		return NULL;	/* still counted in the totals */
	if (i == tally->nlanes) {
		tally->nlanes++;
		tally->lanes[i] = (struct lane){ .ifindex = ifindex, .queue = queue };
	}
	tally->last = i;
	return &tally->lanes[i];
}

void tally_frame(struct tally *tally, int ifindex, uint16_t queue, uint32_t len)
{
	struct lane *lane = lane_find(tally, ifindex, queue);

	tally->frames++;
	tally->bytes += len;
	if (lane) {
		lane->frames++;
		lane->bytes += len;
	}
}

void tally_progress(FILE *out, const struct tally *tally, uint64_t frames_before,
		    uint64_t bytes_before, double interval, uint64_t lost)
{
	double frames = (double)(tally->frames - frames_before) / interval;
	double bits = (double)(tally->bytes - bytes_before) * 8 / interval;

	fprintf(out, "%" PRIu64 " frames, %.0f frames/s, %.3f Mbit/s, %" PRIu64 " lost\n",
		tally->frames, frames, bits / 1e6, lost);
}

static const char *name_of(const struct options *opt, int ifindex)
{
	int i;

	for (i = 0; i < opt->ntargets; i++)
		if (opt->targets[i].ifindex == ifindex)
			return opt->targets[i].name;
	return "other";		/* bound to the same group by someone else */
}

void summary_text(FILE *out, const struct summary *s)
{
	int i;

	fprintf(out, "captured  %" PRIu64 " frames, %" PRIu64 " bytes in %.3f s (stopped by %s)\n",
		s->tally->frames, s->tally->bytes, s->seconds, s->stopped_by);
	fprintf(out, "received  %" PRIu64 "\n", (uint64_t)s->socket.recv);
	fprintf(out, "lost      %" PRIu64 "\n", (uint64_t)s->socket.lost);
	fprintf(out, "dropped   %" PRIu64 "\n", (uint64_t)s->group.drop);
	if (s->opt->tap)
		fprintf(out, "passed on %" PRIu64 "\n", (uint64_t)s->group.kern);
	if (s->tally->abandoned)
		fprintf(out, "abandoned %" PRIu64 " (slots never completed: please report)\n",
			s->tally->abandoned);
	for (i = 0; i < s->tally->nlanes; i++) {
		const struct lane *lane = &s->tally->lanes[i];

		fprintf(out, "  %s queue %u: %" PRIu64 " frames, %" PRIu64 " bytes\n",
			name_of(s->opt, lane->ifindex), lane->queue, lane->frames, lane->bytes);
	}
}

/* Device names and paths may hold quotes and control characters. */
static void json_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void json_lanes(FILE *out, const struct tally *tally, int ifindex)
{
	uint64_t frames = 0, bytes = 0;
	const char *sep = "";
	int i;

	fputs(", \"queues\": [", out);
	for (i = 0; i < tally->nlanes; i++) {
		const struct lane *lane = &tally->lanes[i];

		if (lane->ifindex != ifindex)
			continue;
		fprintf(out, "%s{\"queue\": %u, \"captured\": %" PRIu64 ", \"bytes\": %" PRIu64 "}",
			sep, lane->queue, lane->frames, lane->bytes);
		frames += lane->frames;
		bytes += lane->bytes;
		sep = ", ";
	}
	fprintf(out, "], \"captured\": %" PRIu64 ", \"bytes\": %" PRIu64 "}", frames, bytes);
}

void summary_json(FILE *out, const struct summary *s)
{
	int i;

	fprintf(out, "{\"captured\": %" PRIu64 ", \"received\": %" PRIu64 ", \"lost\": %" PRIu64
		", \"dropped\": %" PRIu64 ", \"passed_on\": %" PRIu64 ", \"abandoned\": %" PRIu64
		", \"bytes\": %" PRIu64 ", \"seconds\": %.6f, \"stopped_by\": ",
		s->tally->frames, (uint64_t)s->socket.recv, (uint64_t)s->socket.lost,
		(uint64_t)s->group.drop, (uint64_t)s->group.kern, s->tally->abandoned,
		s->tally->bytes, s->seconds);
	json_string(out, s->stopped_by);
	fputs(", \"file\": ", out);
	if (s->opt->write_path)
		json_string(out, s->opt->write_path);
	else
		fputs("null", out);
	fputs(", \"devices\": [", out);
	for (i = 0; i < s->opt->ntargets; i++) {
		fprintf(out, "%s{\"name\": ", i ? ", " : "");
		json_string(out, s->opt->targets[i].name);
		fprintf(out, ", \"ifindex\": %d", s->opt->targets[i].ifindex);
		json_lanes(out, s->tally, s->opt->targets[i].ifindex);
	}
	fputs("]}\n", out);
}
