/* Listening sockets. They are accepted from on the first I/O thread, which gives each connection
 * to the thread with the fewest. */
#pragma once

#include "hub/net/io.h"

/* Binds and listens; the port is the one that the kernel gave. */
enum status listener_open(struct listener *l, const char *address, struct errors *err) MUST_CHECK;
void listener_start(struct listener *l, struct io *io);
void listener_close(struct listener *l); /* on the first I/O thread, or when none runs */
