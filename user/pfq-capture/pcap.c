// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <string.h>

#include "pcap.h"

#define MAGIC_NANOSECONDS	0xa1b23c4d
#define LINKTYPE_ETHERNET	1
#define ADDRESSES_LEN		(2 * ETH_ALEN)

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	int32_t zone;
	uint32_t sigfigs;
	uint32_t snaplen;
	uint32_t linktype;
};

struct record_header {
	uint32_t sec, nsec;
	uint32_t caplen, len;
};

static int put(FILE *file, const void *bytes, size_t len)
{
	return fwrite(bytes, 1, len, file) == len ? 0 : -1;
}

int pcap_write_header(FILE *file, uint32_t snaplen)
{
	const struct file_header header = {
		.magic = MAGIC_NANOSECONDS,
		.major = 2,
		.minor = 4,
		.snaplen = snaplen + PCAP_VLAN_LEN,
		.linktype = LINKTYPE_ETHERNET,
	};

	return put(file, &header, sizeof(header));
}

/*
 * tci is set only for a tag that is no longer among the bytes, so a tag that
 * is there (no offload, or the inner one of two) is never doubled. A frame cut
 * within its addresses has no place for a tag.
 */
static int wants_tag(const struct pcap_frame *frame)
{
	return frame->tci && frame->caplen >= ADDRESSES_LEN;
}

int pcap_write_frame(FILE *file, const struct pcap_frame *frame)
{
	const uint32_t added = wants_tag(frame) ? PCAP_VLAN_LEN : 0;
	const struct record_header header = {
		.sec = frame->sec,
		.nsec = frame->nsec,
		.caplen = frame->caplen + added,
		.len = frame->len + added,
	};
	const uint16_t tag[2] = { htons(ETHERTYPE_VLAN), htons(frame->tci) };

	if (put(file, &header, sizeof(header)))
		return -1;
	if (!added)
		return put(file, frame->bytes, frame->caplen);

	/* in pieces: the ring is shared with the kernel and is not edited */
	if (put(file, frame->bytes, ADDRESSES_LEN) || put(file, tag, sizeof(tag)))
		return -1;
	return put(file, frame->bytes + ADDRESSES_LEN, frame->caplen - ADDRESSES_LEN);
}
