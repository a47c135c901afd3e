// What jm-fd-store needs of Linux and Swift's Glibc module does not have: descriptors in messages
// (macros), the user of a socket's other end (_GNU_SOURCE), prctl (variadic) and signalfd. Empty on
// other systems.
#pragma once
#ifdef __linux__
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

// SCM_MAX_FD of the kernel.
#define SHIM_MOST_DESCRIPTORS 253

static inline int shim_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

// The user at the other end of a connected Unix socket, or -1.
static inline long shim_peer_user(int socket) {
  struct { int process; unsigned user, group; } peer;
  socklen_t length = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -1;
  return (long)peer.user;
}

// One packet with `count` descriptors, without waiting. Returns what sendmsg returns.
static inline ssize_t shim_send(
    int socket, const void *bytes, size_t length, const int *descriptors, size_t count) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(SHIM_MOST_DESCRIPTORS * sizeof(int))];
  } control;
  struct iovec piece = {(void *)bytes, length};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
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
  return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// One packet, without waiting. Its descriptors (room for SHIM_MOST_DESCRIPTORS) are the caller's
// from now on; `cut` says that the packet or its descriptors did not come whole. Returns what
// recvmsg returns.
static inline ssize_t shim_receive(
    int socket, void *bytes, size_t length, int *descriptors, size_t *count, int *cut) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(SHIM_MOST_DESCRIPTORS * sizeof(int))];
  } control;
  struct iovec piece = {bytes, length};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1,
    .msg_control = control.room, .msg_controllen = sizeof control.room};
  *count = 0;
  ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (received < 0) return received;
  *cut = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t some = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(descriptors + *count, CMSG_DATA(header), some * sizeof(int));
    *count += some;
  }
  return received;
}
#endif
