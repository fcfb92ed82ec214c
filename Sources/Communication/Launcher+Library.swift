extension Launcher {
    /// Name and version of the MPI library, on one line; nil when this program was built without MPI.
    package static func mpiLibraryVersion() throws -> String? {
        #if MPI
            return try MPI.libraryVersion()
        #else
            return nil
        #endif
    }
}
