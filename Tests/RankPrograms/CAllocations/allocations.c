// Takes the place of glibc's allocation functions in the program that links this, counts, and passes on.
#define _GNU_SOURCE
#include "allocations.h"
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static __thread uint64_t count;
static __thread int reports;

static void note(void) {
    count++;
    if (reports == 0) return;
    // What the report itself allocates is not reported.
    int left = reports - 1;
    reports = 0;
    void *frames[24];
    static const char text[] = "an allocation:\n";
    if (write(2, text, sizeof text - 1) > 0) backtrace_symbols_fd(frames, backtrace(frames, 24), 2);
    reports = left;
}

void *malloc(size_t size) {
    note();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    note();
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    note();
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    note();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    note();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    note();
    void *memory = __libc_memalign(alignment, size);
    if (memory == NULL) return ENOMEM;
    *result = memory;
    return 0;
}

uint64_t allocations_count(void) { return count; }

void allocations_report(int limit) {
    // backtrace loads a library the first time.
    void *frame[1];
    if (limit > 0) backtrace(frame, 1);
    reports = limit;
}

uint64_t allocations_resident_bytes(void) {
    char text[128];
    int file = open("/proc/self/statm", O_RDONLY);
    if (file < 0) return 0;
    ssize_t length = read(file, text, sizeof text);
    close(file);
    // "size resident shared …", in pages.
    ssize_t i = 0;
    while (i < length && text[i] != ' ') i++;
    uint64_t pages = 0;
    for (i++; i < length && text[i] >= '0' && text[i] <= '9'; i++) pages = pages * 10 + (uint64_t)(text[i] - '0');
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
