#if MPI
    import Foundation
    import Glibc

    extension Thread {
        /// Runs `body` in a thread of its own, which takes none of the process's signals.
        static func startQuietly(_ name: String, stackSize: Int, _ body: @escaping @Sendable () -> Void) {
            let thread = Thread {
                var signals = sigset_t()
                sigfillset(&signals)
                pthread_sigmask(SIG_BLOCK, &signals, nil)
                body()
            }
            thread.name = name
            thread.stackSize = stackSize
            thread.start()
        }
    }
#endif
