#pragma once
#include <stdint.h>

/// Bytes that this program has asked for by malloc and its kin and not given back.
int64_t live_bytes(void);

/// The most that `live_bytes` was since this was called last.
int64_t live_bytes_take_peak(void);
