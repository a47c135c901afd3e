// Counts the allocations of this thread, for the test that routing a frame allocates nothing.
#ifndef JM_ALLOCATIONS_H
#define JM_ALLOCATIONS_H

// Number of calls of malloc and its kin by this thread; -1 where they cannot be counted
// (AddressSanitizer, no glibc).
long allocations_of_this_thread(void);

// Bytes that this thread holds, as the allocator rounds them up; -1 likewise.
long bytes_held_by_this_thread(void);

#endif
