#pragma once
#include <stdint.h>

/// What happens from the call that `disk_faults_begin` names on.
enum disk_fault {
    /// The process is killed in front of it.
    disk_fault_kill,
    /// It writes half of its bytes, and the process is killed.
    disk_fault_torn,
    /// Writes say that the disk is full, until `disk_faults_end`.
    disk_fault_full,
    /// Writes and synchronisations say that the disk is broken, until `disk_faults_end`.
    disk_fault_broken,
};

/// Calls that change what is on the disk are counted from here; the fault begins with number `call`, from 1.
void disk_faults_begin(uint64_t call, enum disk_fault fault);
void disk_faults_end(void);
/// Calls since the beginning.
uint64_t disk_faults_count(void);
