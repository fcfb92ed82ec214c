#pragma once
#include <stdint.h>

/// Memory that the calling thread has asked for until now: by malloc, calloc, realloc and the aligned kinds.
uint64_t allocations_count(void);

/// From now on the calling thread writes to standard error from where it asks for memory, `limit` times at most.
void allocations_report(int limit);

/// Bytes of this process that are in memory; 0 where /proc does not say.
uint64_t allocations_resident_bytes(void);
