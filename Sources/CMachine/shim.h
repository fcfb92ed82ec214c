// What Swift cannot express: control registers, hints to the processor, streamed stores, shuffles of
// vectors, and system calls. No logic.
#ifndef LOCKSTEP_MACHINE_H
#define LOCKSTEP_MACHINE_H

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>

/// MXCSR: round to nearest, subnormals kept (no FTZ, no DAZ), all exceptions masked.
static inline void lockstep_set_default_float_environment(void) { _mm_setcsr(0x1f80); }
/// Tells the core that this is a spin loop.
static inline void lockstep_spin_hint(void) { _mm_pause(); }
#elif defined(__aarch64__)
/// FPCR 0: round to nearest, subnormals kept, no traps.
static inline void lockstep_set_default_float_environment(void) {
    __asm__ volatile("msr fpcr, %0" : : "r"(0UL));
}
static inline void lockstep_spin_hint(void) { __asm__ volatile("yield"); }
#endif

/// Asks for the cache line at `address`, to be read soon. Never faults.
static inline void lockstep_prefetch(const void *address) { __builtin_prefetch(address, 0, 2); }

typedef float lockstep_float16 __attribute__((ext_vector_type(16)));

/// Writes 16 floats to a cache line without reading it first, past the caches: `address` is a multiple of 64.
static inline void lockstep_stream(lockstep_float16 value, float *address) {
    __builtin_nontemporal_store(value, (lockstep_float16 *)address);
}

/// 8 floats from each of two addresses.
static inline lockstep_float16 lockstep_load_halves(const float *low, const float *high) {
    typedef float half __attribute__((ext_vector_type(8), aligned(4)));
    return __builtin_shufflevector(
        *(const half *)low, *(const half *)high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

/// In each quarter of four lanes: a0 b0 a1 b1.
static inline lockstep_float16 lockstep_interleave_low(lockstep_float16 a, lockstep_float16 b) {
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
}

/// In each quarter of four lanes: a2 b2 a3 b3.
static inline lockstep_float16 lockstep_interleave_high(lockstep_float16 a, lockstep_float16 b) {
    return __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
}

/// In each quarter of four lanes: a0 a1 b0 b1.
static inline lockstep_float16 lockstep_pairs_low(lockstep_float16 a, lockstep_float16 b) {
    return __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
}

/// In each quarter of four lanes: a2 a3 b2 b3.
static inline lockstep_float16 lockstep_pairs_high(lockstep_float16 a, lockstep_float16 b) {
    return __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
}

/// Quarters 0 and 2 of a, then of b.
static inline lockstep_float16 lockstep_even_quarters(lockstep_float16 a, lockstep_float16 b) {
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
}

/// Quarters 1 and 3 of a, then of b.
static inline lockstep_float16 lockstep_odd_quarters(lockstep_float16 a, lockstep_float16 b) {
    return __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
}

/// Bit i says whether lane i differs from 0.
static inline unsigned short lockstep_nonzero_lanes(lockstep_float16 value) {
    typedef _Bool lanes __attribute__((ext_vector_type(16)));
    return __builtin_bit_cast(unsigned short, __builtin_convertvector(value != 0.0f, lanes));
}

/// Streamed writes come before all later ones.
static inline void lockstep_stream_fence(void) {
#if defined(__x86_64__)
    _mm_sfence();
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/// `madvise(MADV_HUGEPAGE)`: pages of 2 MiB for what lies in the range, where the kernel has them to give. A wish.
static inline void lockstep_wish_huge_pages(void *address, unsigned long byte_count) {
#ifdef MADV_HUGEPAGE
    unsigned long page = 4096, begin = ((unsigned long)address + page - 1) & ~(page - 1);
    unsigned long end = ((unsigned long)address + byte_count) & ~(page - 1);
    if (end > begin) madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#else
    (void)address, (void)byte_count;
#endif
}

/// Bytes of a core's second cache; 512 KiB where the system does not say.
static inline long lockstep_second_cache_byte_count(void) {
#ifdef _SC_LEVEL2_CACHE_SIZE
    long byte_count = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (byte_count > 0) return byte_count;
#endif
    return 512 << 10;
}

/// `mmap`: zeros, private or seen by threads alike (`is_shareable`, what can be mapped a second time); NULL without memory.
static inline void *lockstep_map(size_t byte_count, int is_shareable) {
    void *base = mmap(
        NULL, byte_count, PROT_READ | PROT_WRITE, (is_shareable ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
    return base == MAP_FAILED ? NULL : base;
}

/// Shows whole pages of shared memory at `target` too, in the place of what was mapped there; both are multiples of the
/// page size. Returns 0, or -1 where the system cannot: `target` is then new private memory, zero.
static inline int lockstep_map_again(void *source, size_t byte_count, void *target) {
#ifdef __linux__
    // MREMAP_MAYMOVE | MREMAP_FIXED; an old size of 0 leaves the first mapping where it is (man 2 mremap).
    extern void *mremap(void *, size_t, size_t, int, ...);
    if (mremap(source, 0, byte_count, 1 | 2, target) == target) return 0;
#else
    (void)source;
#endif
    mmap(target, byte_count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    return -1;
}

/// `memfd_create`: a file in memory, which lives while a process has it open or mapped; -1 where the system has none.
static inline int lockstep_memory_file(const char *name) {
#ifdef __linux__
    extern int memfd_create(const char *, unsigned);
    return memfd_create(name, 1 | 2);  // MFD_CLOEXEC | MFD_ALLOW_SEALING
#else
    (void)name;
    return -1;
#endif
}

enum {
    lockstep_add_seals = 1033,   // F_ADD_SEALS
    lockstep_get_seals = 1034,   // F_GET_SEALS
    lockstep_seals = 1 | 2 | 4 | 8,  // of sealing, shrinking, growing and writing
};

/// From here on nobody can change the file's bytes or its size. Fails while it is mapped for writing.
static inline int lockstep_seal(int file) { return fcntl(file, lockstep_add_seals, lockstep_seals); }

static inline int lockstep_is_sealed(int file) {
    int seals = fcntl(file, lockstep_get_seals);
    return seals >= 0 && (seals & lockstep_seals) == lockstep_seals;
}

/// `madvise(MADV_COLLAPSE)`, since Linux 6.1: moves whole ranges of 2 MiB to pages of 2 MiB, whatever the system's
/// settings say. Returns 0 when all of them are.
static inline int lockstep_collapse_pages(void *address, size_t byte_count) {
    return madvise(address, byte_count, 25);
}

/// `prctl(PR_SET_PDEATHSIG)`: the kernel sends `signal_number` to this process when its parent's thread ends.
static inline int lockstep_set_parent_death_signal(int signal_number) {
    return prctl(PR_SET_PDEATHSIG, signal_number);
}

/// `prctl(PR_SET_TIMERSLACK)`: sleeps of this thread end so much late at most; the system's default is 50 µs.
static inline int lockstep_set_timer_slack(unsigned long nanoseconds) {
    return prctl(PR_SET_TIMERSLACK, nanoseconds);
}

#endif
