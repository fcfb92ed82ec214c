// What Swift cannot express: control registers, a spin hint, and variadic system calls. Declarations only, no logic.
#ifndef LOCKSTEP_MACHINE_H
#define LOCKSTEP_MACHINE_H

#include <signal.h>
#include <sys/prctl.h>

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

/// `prctl(PR_SET_PDEATHSIG)`: the kernel sends `signal_number` to this process when its parent's thread ends.
static inline int lockstep_set_parent_death_signal(int signal_number) {
    return prctl(PR_SET_PDEATHSIG, signal_number);
}

#endif
