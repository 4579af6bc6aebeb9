/*
 * first.c
 *	  Has AddressSanitizer begin before anything else does.
 *
 * It begins with the first malloc(), whoever calls it. That may be a library's constructor that calls
 * bindtextdomain(), which allocates while it holds a lock of gettext's; AddressSanitizer then looks for symbols
 * that are not there, whose messages are translated: the lock is left broken, and the next one waits for ever.
 * Linked with -z initfirst, this comes before every other constructor.
 */
#include <stdlib.h>

static void *volatile allocated;

static void begin(void) __attribute__((constructor));

static void
begin(void)
{
	allocated = malloc(1);
	free(allocated);
}
