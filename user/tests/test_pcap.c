// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "pcap.h"

#define HEADER 24
#define RECORD 16

static uint8_t frame_bytes[256];

static uint32_t u32(const char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* Writes one frame; returns the record (without the file's header). */
static char *record_of(const struct pcap_frame *frame, size_t *len)
{
	char *text = NULL;
	FILE *file = open_memstream(&text, len);

	CHECK(pcap_write_frame(file, frame) == 0);
	fclose(file);
	return text;
}

static void test_header(void)
{
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	CHECK(pcap_write_header(file, 1514) == 0);
	fclose(file);
	CHECK(len == HEADER);
	CHECK(u32(text) == 0xa1b23c4d);
	CHECK(text[4] == 2 && text[6] == 4);
	CHECK(u32(text + 8) == 0 && u32(text + 12) == 0);
	CHECK(u32(text + 16) == 1518);
	CHECK(u32(text + 20) == 1);
	free(text);
}

static void test_plain(void)
{
	const struct pcap_frame frame = { frame_bytes, 60, 1514, 7, 999999999, 0 };
	size_t len;
	char *text = record_of(&frame, &len);

	CHECK(len == RECORD + 60);
	CHECK(u32(text) == 7 && u32(text + 4) == 999999999);
	CHECK(u32(text + 8) == 60 && u32(text + 12) == 1514);
	CHECK(!memcmp(text + RECORD, frame_bytes, 60));
	free(text);
}

static void test_tag_put_back(void)
{
	static const uint8_t tag[4] = { 0x81, 0x00, 0xa0, 0x64 };
	const struct pcap_frame frame = { frame_bytes, 60, 100, 0, 0, 0xa064 };
	uint8_t before[sizeof(frame_bytes)];
	size_t len;
	char *text;

	memcpy(before, frame_bytes, sizeof(before));
	text = record_of(&frame, &len);
	CHECK(len == RECORD + 64);
	CHECK(u32(text + 8) == 64 && u32(text + 12) == 104);
	CHECK(!memcmp(text + RECORD, frame_bytes, 12));
	CHECK(!memcmp(text + RECORD + 12, tag, 4));
	CHECK(!memcmp(text + RECORD + 16, frame_bytes + 12, 48));
	CHECK(!memcmp(before, frame_bytes, sizeof(before)));
	free(text);
}

/* The tag is among the bytes and the header says none: written as it is. */
static void test_tag_in_data(void)
{
	struct pcap_frame frame = { frame_bytes, 60, 60, 0, 0, 0 };
	size_t len;
	char *text;

	memcpy(frame_bytes + 12, "\x81\x00\x00\x64", 4);
	text = record_of(&frame, &len);
	CHECK(len == RECORD + 60);
	CHECK(!memcmp(text + RECORD, frame_bytes, 60));
	free(text);

	/* two tags, the outer one taken out by the NIC: it goes before the inner */
	frame.tci = 200;
	text = record_of(&frame, &len);
	CHECK(len == RECORD + 64);
	CHECK(!memcmp(text + RECORD + 12, "\x81\x00\x00\xc8\x81\x00\x00\x64", 8));
	free(text);
}

static void test_cut_in_addresses(void)
{
	const struct pcap_frame frame = { frame_bytes, 11, 60, 0, 0, 5 };
	const struct pcap_frame just = { frame_bytes, 12, 60, 0, 0, 5 };
	size_t len;
	char *text = record_of(&frame, &len);

	CHECK(len == RECORD + 11 && u32(text + 8) == 11 && u32(text + 12) == 60);
	free(text);
	text = record_of(&just, &len);
	CHECK(len == RECORD + 16 && u32(text + 8) == 16 && u32(text + 12) == 64);
	free(text);
}

static void test_full_disk(void)
{
	const struct pcap_frame frame = { frame_bytes, 60, 60, 0, 0, 5 };
	FILE *file = fopen("/dev/full", "w");

	CHECK(file != NULL);
	setvbuf(file, NULL, _IONBF, 0);
	CHECK(pcap_write_header(file, 60) == -1);
	CHECK(pcap_write_frame(file, &frame) == -1);
	fclose(file);
}

int main(void)
{
	size_t i;

	for (i = 0; i < sizeof(frame_bytes); i++)
		frame_bytes[i] = (uint8_t)i;
	test_header();
	test_plain();
	test_tag_put_back();
	test_tag_in_data();
	test_cut_in_addresses();
	test_full_disk();
	return check_result("pcap");
}
