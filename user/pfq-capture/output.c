// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"
#include "output.h"

#define BUFFER_LEN (1 << 20)

static int failed(const struct output *output)
{
	if (errno == EPIPE)
		return complain(EXIT_OUTPUT, NULL, "the reader of the output has gone");
	return complain(EXIT_OUTPUT, errno == ENOSPC ? "free some space, or cut frames with --caplen"
						     : NULL,
			"cannot write %s: %s", output->path, strerror(errno));
}

int output_open(struct output *output, const char *path, uint32_t snaplen)
{
	output->path = path;
	output->file = NULL;
	if (!path)
		return 0;
	if (!strcmp(path, "-")) {
		if (isatty(STDOUT_FILENO))
			return complain(EXIT_OUTPUT, "pfq-capture -w - DEV | tcpdump -nr -",
					"not writing a capture to a terminal");
		output->path = "the standard output";
		output->file = stdout;
	} else {
		output->file = fopen(path, "we");
	}
	if (!output->file)
		return failed(output);
	setvbuf(output->file, NULL, _IOFBF, BUFFER_LEN);
	if (pcap_write_header(output->file, snaplen))
		return failed(output);
	/*
	 * A full disk is better found out before frames are taken. A pipe gets
	 * the header once the devices are bound: its reader may take it for the
	 * sign that no frame is missed from now on.
	 */
	return output->file == stdout ? 0 : output_flush(output);
}

int output_frame(struct output *output, const struct pcap_frame *frame)
{
	if (!output->file || !pcap_write_frame(output->file, frame))
		return 0;
	return failed(output);
}

int output_flush(struct output *output)
{
	return output->file && fflush(output->file) ? failed(output) : 0;
}

int output_close(struct output *output)
{
	FILE *file = output->file;

	output->file = NULL;
	return file && fclose(file) ? failed(output) : 0;
}
