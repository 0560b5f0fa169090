/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes Ethernet captures as pcap with nanoseconds. */
#ifndef PFQ_CAPTURE_PCAP_H
#define PFQ_CAPTURE_PCAP_H

#include <stdint.h>
#include <stdio.h>

#define PCAP_VLAN_LEN	4	/* what putting a tag back adds to a frame */

/* One frame as captured; tci is the tag that the NIC took out, 0 if none. */
struct pcap_frame {
	const uint8_t *bytes;
	uint32_t caplen;
	uint32_t len;
	uint32_t sec;
	uint32_t nsec;
	uint16_t tci;
};

/*
 * Both return 0, or -1 with errno set. snaplen is the largest number of bytes
 * kept of a frame; the file's header says PCAP_VLAN_LEN more, room for a tag.
 */
int pcap_write_header(FILE *file, uint32_t snaplen);
int pcap_write_frame(FILE *file, const struct pcap_frame *frame);

#endif
