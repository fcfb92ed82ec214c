// MPI's macros as functions, because Swift cannot import them. Getters only, no logic.
#ifndef LOCKSTEP_MPI_H
#define LOCKSTEP_MPI_H

#include <mpi.h>

static inline MPI_Comm lockstep_MPI_COMM_WORLD(void) { return MPI_COMM_WORLD; }
static inline MPI_Comm lockstep_MPI_COMM_NULL(void) { return MPI_COMM_NULL; }
static inline MPI_Request lockstep_MPI_REQUEST_NULL(void) { return MPI_REQUEST_NULL; }
static inline MPI_Datatype lockstep_MPI_BYTE(void) { return MPI_BYTE; }
static inline MPI_Datatype lockstep_MPI_FLOAT(void) { return MPI_FLOAT; }
static inline MPI_Datatype lockstep_MPI_DOUBLE(void) { return MPI_DOUBLE; }
static inline MPI_Op lockstep_MPI_SUM(void) { return MPI_SUM; }
static inline void *lockstep_MPI_IN_PLACE(void) { return MPI_IN_PLACE; }
static inline MPI_Errhandler lockstep_MPI_ERRORS_RETURN(void) { return MPI_ERRORS_RETURN; }
static inline MPI_Info lockstep_MPI_INFO_NULL(void) { return MPI_INFO_NULL; }
static inline MPI_Win lockstep_MPI_WIN_NULL(void) { return MPI_WIN_NULL; }
static inline int lockstep_MPI_COMM_TYPE_SHARED(void) { return MPI_COMM_TYPE_SHARED; }
static inline MPI_Status *lockstep_MPI_STATUS_IGNORE(void) { return MPI_STATUS_IGNORE; }
static inline MPI_Status *lockstep_MPI_STATUSES_IGNORE(void) { return MPI_STATUSES_IGNORE; }
static inline int lockstep_MPI_SUCCESS(void) { return MPI_SUCCESS; }
static inline int lockstep_MPI_ANY_SOURCE(void) { return MPI_ANY_SOURCE; }
static inline int lockstep_MPI_ANY_TAG(void) { return MPI_ANY_TAG; }
static inline int lockstep_MPI_THREAD_FUNNELED(void) { return MPI_THREAD_FUNNELED; }
static inline int lockstep_MPI_THREAD_SERIALIZED(void) { return MPI_THREAD_SERIALIZED; }
static inline int lockstep_MPI_MAX_ERROR_STRING(void) { return MPI_MAX_ERROR_STRING; }
static inline int lockstep_MPI_MAX_LIBRARY_VERSION_STRING(void) { return MPI_MAX_LIBRARY_VERSION_STRING; }

#endif
