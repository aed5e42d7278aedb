/* Threads that share one piece of work, and end with it. */
#pragma once

#include <stddef.h>

/* Calls work(context, i) in `threads` threads at once, i from 0, and waits for all of them. */
void crew_run(int threads, void (*work)(void *context, int i), void *context);

/* As many as there are processors. */
int crew_default(void);

/* Memory that grows without being copied, and goes back to the system at once. Items are of `size`
 * bytes, zeroed; running out ends the program. */
struct growing {
    void *items;
    size_t count, cap, size;
};

void growing_init(struct growing *g, size_t size);
void *growing_add(struct growing *g, size_t count); /* room for so many more, which are counted */
void growing_dispose(struct growing *g);
