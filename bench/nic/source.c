// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /sys/class/net/DEVICE/source: the source's knobs, and its start.
 *
 *	run          write "FRAMES [QUEUE]": makes that many frames (0: until
 *	             killed) in the writer's context, on its CPU; over when the
 *	             write returns. Without a queue, the queues take turns
 *	size         bytes of a frame, 60 to 1514
 *	flows        how many flows the frames are of
 *	burst        frames of a NAPI poll, 1 to 64
 *	frames_as    pages: as a NIC; skbs: as a virtual device
 *	way          the delivery function
 *	counters     what became of the frames, for each queue
 *	clock        cycles, and microseconds that this CPU has been idle
 */
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/netdevice.h>
#include <linux/sched/signal.h>
#include <linux/sysfs.h>
#include <linux/tick.h>
#include <linux/timex.h>

#include "nic.h"

static struct nic *to_nic(struct device *dev)
{
	return netdev_priv(to_net_dev(dev));
}

/* One poll, and all that follows from it. */
static int run_once(struct nic_queue *q, unsigned int frames)
{
	mutex_lock(&q->busy);
	if (!q->ready) {
		mutex_unlock(&q->busy);
		return -ENETDOWN;
	}
	local_bh_disable();
	q->credit = frames;
	napi_schedule(&q->napi);
	local_bh_enable();	/* polls, mostly */
	/* ksoftirqd may have to do it, or a poll was cut short */
	while (READ_ONCE(q->credit) || test_bit(NAPI_STATE_SCHED, &q->napi.state))
		cond_resched();
	if (q->way->process)
		q->way->process(q);
	mutex_unlock(&q->busy);
	return 0;
}

static ssize_t run_store(struct device *dev, struct device_attribute *attr,
			 const char *buf, size_t count)
{
	struct nic *nic = to_nic(dev);
	unsigned int at = 0, step = 1, todo;
	u64 frames, left;
	int ret, queue = -1;

	if (sscanf(buf, "%llu %d", &frames, &queue) < 1)
		return -EINVAL;
	if (queue != -1) {
		if (queue < 0 || queue >= nic->nqueues)
			return -EINVAL;
		at = queue;
		step = 0;
	}
	for (left = frames ? : U64_MAX; left; left -= todo) {
		todo = min_t(u64, left, READ_ONCE(nic->burst));
		ret = run_once(nic->queue[at], todo);
		if (ret)
			return ret;
		at += step;
		if (at == nic->nqueues)
			at = 0;
		cond_resched();
		cpu_relax();	/* emulated processors that take turns: now the others */
		if (signal_pending(current))
			return -EINTR;
	}
	return count;
}
static DEVICE_ATTR_WO(run);

/* Headers depend on the settings; runs in progress end their poll first. */
static void headers_renew(struct nic *nic)
{
	unsigned int i;

	for (i = 0; i < nic->nqueues; i++) {
		mutex_lock(&nic->queue[i]->busy);
		nic_headers_init(nic->queue[i]);
		mutex_unlock(&nic->queue[i]->busy);
	}
}

static ssize_t knob_store(struct device *dev, const char *buf, size_t count,
			  unsigned int *knob, unsigned int least, unsigned int most)
{
	unsigned int value;
	int ret;

	ret = kstrtouint(buf, 0, &value);
	if (ret)
		return ret;
	if (value < least || value > most)
		return -ERANGE;
	WRITE_ONCE(*knob, value);
	headers_renew(to_nic(dev));
	return count;
}

#define KNOB(name, least, most)							\
static ssize_t name##_show(struct device *dev, struct device_attribute *attr,	\
			   char *buf)						\
{										\
	return sysfs_emit(buf, "%u\n", READ_ONCE(to_nic(dev)->name));		\
}										\
static ssize_t name##_store(struct device *dev, struct device_attribute *attr,	\
			    const char *buf, size_t count)			\
{										\
	return knob_store(dev, buf, count, &to_nic(dev)->name, least, most);	\
}										\
static DEVICE_ATTR_RW(name)

KNOB(size, NIC_FRAME_MIN, NIC_FRAME_MAX);
KNOB(flows, 1, U16_MAX);
KNOB(burst, 1, NAPI_POLL_WEIGHT);

static ssize_t frames_as_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, READ_ONCE(to_nic(dev)->skbs) ? "pages [skbs]\n" :
							       "[pages] skbs\n");
}

static ssize_t frames_as_store(struct device *dev, struct device_attribute *attr,
			       const char *buf, size_t count)
{
	static const char * const names[] = { "pages", "skbs" };
	int found = sysfs_match_string(names, buf);

	if (found < 0)
		return found;
	WRITE_ONCE(to_nic(dev)->skbs, found);
	return count;
}
static DEVICE_ATTR_RW(frames_as);

static ssize_t way_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	const struct nic_way *way = READ_ONCE(to_nic(dev)->queue[0]->way);
	unsigned int i;
	ssize_t len = 0;

	for (i = 0; i < nic_ways_count; i++)
		len += sysfs_emit_at(buf, len, way == &nic_ways[i] ? "[%s]\n" : "%s\n",
				     nic_ways[i].name);
	return len;
}

static ssize_t way_store(struct device *dev, struct device_attribute *attr,
			 const char *buf, size_t count)
{
	struct nic *nic = to_nic(dev);
	unsigned int i, q;

	for (i = 0; i < nic_ways_count; i++) {
		if (!sysfs_streq(buf, nic_ways[i].name))
			continue;
		for (q = 0; q < nic->nqueues; q++) {
			mutex_lock(&nic->queue[q]->busy);
			nic->queue[q]->way = &nic_ways[i];
			mutex_unlock(&nic->queue[q]->busy);
		}
		return count;
	}
	return -EINVAL;
}
static DEVICE_ATTR_RW(way);

static ssize_t counters_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct nic *nic = to_nic(dev);
	const struct nic_counters *c;
	ssize_t len = 0;
	unsigned int i;

	for (i = 0; i < nic->nqueues; i++) {
		c = &nic->queue[i]->counters;
		len += sysfs_emit_at(buf, len,
				     "queue %u made %llu freed %llu delivered %llu xdp_drop %llu xdp_redirect %llu failed %llu\n",
				     i, c->made, c->freed, c->delivered, c->xdp_drop,
				     c->xdp_redirect, c->failed);
	}
	return len;
}
static DEVICE_ATTR_RO(counters);

static ssize_t clock_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu %llu\n", (u64)get_cycles(),
			  get_cpu_idle_time_us(raw_smp_processor_id(), NULL));
}
static DEVICE_ATTR_RO(clock);

static struct attribute *source_attrs[] = {
	&dev_attr_run.attr,
	&dev_attr_size.attr,
	&dev_attr_flows.attr,
	&dev_attr_burst.attr,
	&dev_attr_frames_as.attr,
	&dev_attr_way.attr,
	&dev_attr_counters.attr,
	&dev_attr_clock.attr,
	NULL
};

const struct attribute_group nic_source_group = {
	.name = "source",
	.attrs = source_attrs,
};
