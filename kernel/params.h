/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Module parameters, and the limits they obey. Read-only once loaded.
 */
#ifndef _PFQ_PARAMS_H
#define _PFQ_PARAMS_H

#define PFQ_BATCH_MAX		127	/* upper limit of capt_batch_len */
#define PFQ_SLOT_SIZE_MIN	64
#define PFQ_SLOT_SIZE_MAX	65536	/* caplen is 16 bits wide */
#define PFQ_WEIGHT_MAX		8

extern int pfq_max_slot_size;
extern int pfq_capt_batch_len;
extern int pfq_vlan_untag;

int pfq_params_check(void);

#endif /* _PFQ_PARAMS_H */
