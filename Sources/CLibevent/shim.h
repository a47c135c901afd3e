// libevent for Swift: the headers, and what Swift cannot import by itself.
#ifndef JM_CLIBEVENT_SHIM_H
#define JM_CLIBEVENT_SHIM_H

// First, so that event-config.h's _GNU_SOURCE cannot give fd_set another shape than Swift's Glibc module knows.
#include <sys/types.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <event2/keyvalq_struct.h>
#include <event2/util.h>

#if defined(__linux__)
// Glibc declares it for _GNU_SOURCE only, which Swift's module does not set.
int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);

#include <sys/prctl.h>
// prctl is variadic.
static inline int shim_set_dumpable(unsigned long on) { return prctl(PR_SET_DUMPABLE, on, 0, 0, 0); }

// Not in Swift's Glibc module.
#include <malloc.h>
#endif

#endif
