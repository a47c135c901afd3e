// libevent for Swift: the headers, and what Swift cannot import by itself.
#ifndef JM_CLIBEVENT_SHIM_H
#define JM_CLIBEVENT_SHIM_H

// First, so that event-config.h's _GNU_SOURCE cannot give fd_set another shape than in Swift's
// Glibc module.
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
static inline int shim_set_dumpable(unsigned long on) {
  return prctl(PR_SET_DUMPABLE, on, 0, 0, 0);
}

// Not in Swift's Glibc module.
#include <malloc.h>

// Descriptors in messages: the CMSG_ macros do not import. SCM_MAX_FD of the kernel is 253.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#define SHIM_MOST_DESCRIPTORS 253

union shim_control {
  struct cmsghdr header;
  char room[CMSG_SPACE(SHIM_MOST_DESCRIPTORS * sizeof(int))];
};

// One message with `count` descriptors to a connected socket, or to `address`. Returns what
// sendmsg(2) returns.
static inline ssize_t shim_send_descriptors(
    int socket, const struct sockaddr *address, socklen_t address_length, const void *bytes,
    size_t length, const int *descriptors, size_t count) {
  union shim_control control;
  struct iovec piece = {(void *)bytes, length};
  struct msghdr message = {
    .msg_name = (void *)address, .msg_namelen = address_length, .msg_iov = &piece, .msg_iovlen = 1};
  if (count > SHIM_MOST_DESCRIPTORS) { errno = EINVAL; return -1; }
  if (count > 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = control.room;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}

// One message. Its descriptors (room for SHIM_MOST_DESCRIPTORS) are the caller's; `cut` says that
// it did not come whole. Returns what recvmsg(2) returns.
static inline ssize_t shim_receive_descriptors(
    int socket, void *bytes, size_t length, int *descriptors, size_t *count, int *cut) {
  union shim_control control;
  struct iovec piece = {bytes, length};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1,
    .msg_control = control.room, .msg_controllen = sizeof control.room};
  *count = 0;
  ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (received < 0) return received;
  *cut = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  for (; header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t some = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(descriptors + *count, CMSG_DATA(header), some * sizeof(int));
    *count += some;
  }
  return received;
}

// _GNU_SOURCE only.
int memfd_create(const char *name, unsigned flags);
static inline int shim_sealable_memory(const char *name) {
  return memfd_create(name, 3 /* MFD_CLOEXEC | MFD_ALLOW_SEALING */);
}
#define SHIM_ALL_SEALS 15 // F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
static inline int shim_seal(int descriptor) {
  return fcntl(descriptor, 1033 /* F_ADD_SEALS */, SHIM_ALL_SEALS);
}
static inline int shim_is_sealed(int descriptor) {
  return (fcntl(descriptor, 1034 /* F_GET_SEALS */) & SHIM_ALL_SEALS) == SHIM_ALL_SEALS;
}
#endif

#endif
