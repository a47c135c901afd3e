// What jm-directory-bench needs of Linux and Swift's Glibc module does not have: epoll, and two GNU
// extensions that hide behind _GNU_SOURCE. Empty on other systems.
#pragma once
#ifdef __linux__
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
void *memmem(const void *haystack, size_t n, const void *needle, size_t m);
#endif
