// SPDX-License-Identifier: GPL-2.0-or-later
/* Prints what the guard says of each device named: for netns.sh. */
#include <stdio.h>

#include "guard.h"

int main(int argc, char **argv)
{
	static struct guard guard;
	int i;

	if (guard_survey(&guard)) {
		perror("guard_survey");
		return 1;
	}
	for (i = 1; i < argc; i++) {
		const char *why = guard_reason(&guard, argv[i]);

		printf("%s %s\n", argv[i], why ? why : "is free");
	}
	return 0;
}
