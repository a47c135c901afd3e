// Counts what this thread allocates, for the test that routing a frame allocates nothing.
#ifndef JM_ALLOCATIONS_H
#define JM_ALLOCATIONS_H

// Number of calls of malloc and its kin by this thread; -1 where they cannot be counted
// (AddressSanitizer, no glibc).
long allocations_of_this_thread(void);

#endif
