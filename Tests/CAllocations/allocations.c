#include "allocations.h"

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define JM_SANITIZED 1
#endif
#endif

#if defined(__GLIBC__) || defined(__gnu_linux__)
#if !defined(JM_SANITIZED)
#define JM_COUNTS 1
#endif
#endif

#if defined(JM_COUNTS)

#include <malloc.h>

// glibc's allocator, under the names that it exports for replacements of malloc.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *block);

static __thread long count;
static __thread long held;

long allocations_of_this_thread(void) { return count; }
long bytes_held_by_this_thread(void) { return held; }

static void *taken(void *block) {
  count++;
  held += (long)malloc_usable_size(block);
  return block;
}

void *malloc(size_t size) { return taken(__libc_malloc(size)); }

void *calloc(size_t number, size_t size) { return taken(__libc_calloc(number, size)); }

void *realloc(void *old, size_t size) {
  held -= (long)malloc_usable_size(old);
  return taken(__libc_realloc(old, size));
}

void free(void *block) {
  held -= (long)malloc_usable_size(block);
  __libc_free(block);
}

#else

long allocations_of_this_thread(void) { return -1; }
long bytes_held_by_this_thread(void) { return -1; }

#endif
