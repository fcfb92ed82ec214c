// Takes the place of glibc's functions that change files in the program that links this, and lets one of them fail.
#define _GNU_SOURCE
#include "disk_faults.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic uint64_t count;
// 0: none.
static _Atomic uint64_t first;
static _Atomic int kind;

void disk_faults_begin(uint64_t call, enum disk_fault fault) {
    count = 0;
    kind = fault;
    first = call;
}

void disk_faults_end(void) { first = 0; }
uint64_t disk_faults_count(void) { return count; }

static void die(void) {
    for (;;) kill(getpid(), SIGKILL);
}

// Whether a call fails, with errno set. `size` bytes or 0; `half` writes half of them.
static int fails(int is_write, size_t size, ssize_t (*half)(void *), void *context) {
    uint64_t number = ++count;
    if (first == 0 || number < first) return 0;
    switch (kind) {
    case disk_fault_torn:
        if (size > 1) half(context);
        die();
    case disk_fault_kill: die();
    case disk_fault_full:
        if (!is_write) return 0;
        errno = ENOSPC;
        return 1;
    default: errno = EIO; return 1;
    }
}

struct transfer {
    int file;
    const void *bytes;
    size_t size;
    off_t offset;
};

static ssize_t half_pwrite(void *context) {
    struct transfer *t = context;
    return syscall(SYS_pwrite64, t->file, t->bytes, t->size / 2, t->offset);
}

static ssize_t half_write(void *context) {
    struct transfer *t = context;
    return syscall(SYS_write, t->file, t->bytes, t->size / 2);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off_t offset) {
    struct transfer t = {file, bytes, size, offset};
    if (fails(1, size, half_pwrite, &t)) return -1;
    return syscall(SYS_pwrite64, file, bytes, size, offset);
}

ssize_t write(int file, const void *bytes, size_t size) {
    struct transfer t = {file, bytes, size, 0};
    // What the program says is no file.
    if (file > 2 && fails(1, size, half_write, &t)) return -1;
    return syscall(SYS_write, file, bytes, size);
}

int ftruncate64(int file, off_t size) {
    if (fails(0, 0, 0, 0)) return -1;
    return (int)syscall(SYS_ftruncate, file, size);
}

int fdatasync(int file) {
    if (fails(0, 0, 0, 0)) return -1;
    return (int)syscall(SYS_fdatasync, file);
}

int unlink(const char *path) {
    if (fails(0, 0, 0, 0)) return -1;
    return (int)syscall(SYS_unlinkat, -100, path, 0);
}
