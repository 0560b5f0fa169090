// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Programs of groups: reading, checking, publishing and running them.
 *
 * A program is a list of functions with arguments, in the descriptor format of
 * <linux/pf_q.h>. Today it must consist of one steering function without
 * arguments.
 *
 * Nothing that user space can change while we look is read twice: the header
 * once, each function once, each symbol once. What is checked is what is kept.
 *
 * A program is published in &pfq_group.program.
 */
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <linux/pf_q.h>

#include "group.h"
#include "netns.h"
#include "program.h"
#include "steer.h"

#define PROGRAM_SIZE_MAX	1	/* functions */
#define PROGRAM_SYMBOL_MAX	256	/* characters, with the final NUL */

enum program_function {
	STEER_FLOW,
	STEER_LINK,
	STEER_P2P,
	STEER_RROBIN,
	STEER_RSS,
};

static const char * const program_symbols[] = {
	[STEER_FLOW] = "steer_flow",
	[STEER_LINK] = "steer_link",
	[STEER_P2P] = "steer_p2p",
	[STEER_RROBIN] = "steer_rrobin",
	[STEER_RSS] = "steer_rss",
};

/**
 * struct pfq_program - the program of a group
 * @function: what it consists of
 * @rcu: frees it
 */
struct pfq_program {
	enum program_function function;
	struct rcu_head rcu;
};

/* --- reading and checking --------------------------------------------------- */

/* The function of that name in user memory, or -EFAULT. */
static int program_symbol(const char __user *name)
{
	char symbol[PROGRAM_SYMBOL_MAX];
	long len;
	int i;

	if (!name)
		return -EFAULT;
	len = strncpy_from_user(symbol, name, sizeof(symbol));
	if (len < 0 || len == sizeof(symbol))
		return -EFAULT;
	for (i = 0; i < ARRAY_SIZE(program_symbols); i++)
		if (!strcmp(symbol, program_symbols[i]))
			return i;
	return -EFAULT;
}

/* An argument that is absent is all zero; the functions that we know take none. */
static bool program_has_args(const struct pfq_lang_functional_descr *f)
{
	return memchr_inv(f->arg, 0, sizeof(f->arg));
}

/*
 * Whatever is not an index ends the chain: libraries write the number of
 * functions there.
 */
static bool program_has_next(const struct pfq_lang_functional_descr *f, u64 size)
{
	return f->next >= 0 && f->next < size;
}

static int program_read(struct pfq_program *prog,
			const struct pfq_lang_computation_descr __user *descr)
{
	struct pfq_lang_computation_descr head;
	struct pfq_lang_functional_descr f;
	int function;

	if (copy_from_user(&head, descr, sizeof(head)))
		return -EFAULT;
	if (head.size < 1 || head.size > PROGRAM_SIZE_MAX || head.entry_point >= head.size)
		return -EFAULT;
	if (copy_from_user(&f, &descr->fun[0], sizeof(f)))
		return -EFAULT;
	if (program_has_args(&f) || program_has_next(&f, head.size))
		return -EFAULT;
	function = program_symbol(f.symbol);
	if (function < 0)
		return function;
	prog->function = function;
	return 0;
}

static struct pfq_program *
program_create(const struct pfq_lang_computation_descr __user *descr)
{
	struct pfq_program *prog;
	int ret;

	prog = kzalloc(sizeof(*prog), GFP_KERNEL_ACCOUNT);
	if (!prog)
		return ERR_PTR(-ENOMEM);
	ret = program_read(prog, descr);
	if (ret) {
		kfree(prog);
		return ERR_PTR(ret);
	}
	return prog;
}

/* --- publishing ------------------------------------------------------------- */

/**
 * pfq_program_set() - give a group a program
 * @ps: a member
 * @gid: the group, unchecked
 * @descr: the program, in user memory
 *
 * Context: Process context; takes pfq_mutex.
 * Return: 0; -EACCES if the socket is no member, -EFAULT for a program that is
 * not valid or cannot be read, -EPERM if a function of it cannot be initialised
 * (none of those that we know), -ENOMEM.
 */
int pfq_program_set(const struct pfq_sock *ps, int gid,
		    const struct pfq_lang_computation_descr __user *descr)
{
	struct pfq_program *prog, *old = NULL;
	struct pfq_group *g;

	mutex_lock(&pfq_mutex);
	g = pfq_group_of(ps, gid);
	mutex_unlock(&pfq_mutex);
	if (!g)
		return -EACCES;
	prog = program_create(descr);
	if (IS_ERR(prog))
		return PTR_ERR(prog);

	mutex_lock(&pfq_mutex);
	g = pfq_group_of(ps, gid);
	if (g) {
		old = rcu_replace_pointer(g->program, prog, lockdep_is_held(&pfq_mutex));
		pfq_steer_update(g);
	}
	mutex_unlock(&pfq_mutex);
	if (old)
		kfree_rcu(old, rcu);
	if (!g)		/* the socket has left meanwhile */
		kfree(prog);
	return g ? 0 : -EACCES;
}

/**
 * pfq_program_free() - free the program of a group that is out of sight
 * @g: the group
 *
 * Context: Process context; a grace period has passed.
 */
void pfq_program_free(struct pfq_group *g)
{
	kfree(rcu_dereference_protected(g->program, true));
}

/**
 * pfq_program_show() - print the program of a group
 * @m: where
 * @g: the group
 *
 * Context: Process context; the caller holds pfq_mutex.
 */
void pfq_program_show(struct seq_file *m, const struct pfq_group *g)
{
	const struct pfq_program *prog;

	prog = rcu_dereference_protected(g->program, lockdep_is_held(&pfq_mutex));
	if (!prog) {
		seq_printf(m, "group=%d (unspecified)\n", g->gid);
		return;
	}
	seq_printf(m, "group=%d computation size=1 entry_point=0\n", g->gid);
	seq_printf(m, "  0: %s next=-1\n", program_symbols[prog->function]);
}

/* --- running ---------------------------------------------------------------- */

/**
 * pfq_program_steer() - steer frames the quick way
 * @prog: the program of the group
 * @t: the sockets of the group's default class
 * @frame: the frames of the batch
 * @mask: those in question
 * @want: for each socket the frames that it gets; frames are added
 * @socks: the sockets that get something; sockets are added
 *
 * Context: Softirq, inside an RCU read-side section.
 * Return: The frames left for pfq_program_run(); all of them if the program has no
 * quick way.
 */
struct pfq_mask pfq_program_steer(const struct pfq_program *prog,
				  const struct pfq_fanout *t,
				  const struct pfq_frame *frame, struct pfq_mask mask,
				  struct pfq_mask *want, u64 *socks)
{
	if (prog->function == STEER_FLOW)
		return pfq_steer_flow_quick(t, frame, mask, want, socks);
	return mask;
}

/**
 * pfq_program_run() - what a group does with frames
 * @prog: the program of the group
 * @frame: the frames of the batch
 * @mask: those in question
 * @seq: how many frames came before frame 0 on this CPU
 * @verdict: where the verdicts go, one for each frame of the batch; only those of
 *	@mask are written
 *
 * Context: Softirq, inside an RCU read-side section.
 */
void pfq_program_run(const struct pfq_program *prog, const struct pfq_frame *frame,
		     struct pfq_mask mask, u32 seq, struct pfq_verdict *verdict)
{
	switch (prog->function) {
	case STEER_FLOW:
		pfq_steer_flow(frame, mask, verdict);
		break;
	case STEER_LINK:
		pfq_steer_link(frame, mask, verdict);
		break;
	case STEER_P2P:
		pfq_steer_p2p(frame, mask, verdict);
		break;
	case STEER_RROBIN:
		pfq_steer_rrobin(seq, mask, verdict);
		break;
	case STEER_RSS:
		pfq_steer_rss(frame, mask, verdict);
		break;
	}
}
