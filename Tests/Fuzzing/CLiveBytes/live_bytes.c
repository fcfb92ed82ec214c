// Takes the place of glibc's allocation functions in the program that links this, adds sizes up, and passes on.
#define _GNU_SOURCE
#include "live_bytes.h"
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static _Atomic int64_t live, peak;

static void *taken(void *memory) {
    if (memory == NULL) return NULL;
    int64_t now = atomic_fetch_add(&live, (int64_t)malloc_usable_size(memory)) + (int64_t)malloc_usable_size(memory);
    int64_t most = atomic_load(&peak);
    while (now > most && !atomic_compare_exchange_weak(&peak, &most, now)) {
    }
    return memory;
}

static void given(void *memory) {
    if (memory != NULL) atomic_fetch_sub(&live, (int64_t)malloc_usable_size(memory));
}

void *malloc(size_t size) { return taken(__libc_malloc(size)); }

void *calloc(size_t number, size_t size) { return taken(__libc_calloc(number, size)); }

void *realloc(void *old, size_t size) {
    // Both may be there while bytes are moved: the peak counts them both.
    int64_t before = old == NULL ? 0 : (int64_t)malloc_usable_size(old);
    void *memory = taken(__libc_realloc(old, size));
    if (memory != NULL || size == 0) atomic_fetch_sub(&live, before);
    return memory;
}

void free(void *memory) {
    given(memory);
    __libc_free(memory);
}

void *memalign(size_t alignment, size_t size) { return taken(__libc_memalign(alignment, size)); }

void *aligned_alloc(size_t alignment, size_t size) { return taken(__libc_memalign(alignment, size)); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    void *memory = taken(__libc_memalign(alignment, size));
    if (memory == NULL) return ENOMEM;
    *result = memory;
    return 0;
}

int64_t live_bytes(void) { return atomic_load(&live); }

int64_t live_bytes_take_peak(void) { return atomic_exchange(&peak, atomic_load(&live)); }
