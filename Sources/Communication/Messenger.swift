#if MPI
    import CMachine
    import Foundation

    /// A thread that lets messages advance while the worker computes: MPI moves them only while somebody calls it.
    final class Messenger: Sendable {
        private let duty = Duty()

        init() {
            Thread.startQuietly("messenger", stackSize: 256 << 10) { [duty] in duty.run() }
        }

        deinit { duty.end() }

        /// Messages are on their way, and the worker has other things to do.
        func resume() { duty.set(isOn: true) }

        /// The worker calls MPI itself from here on; the thread does not.
        func pause() { duty.set(isOn: false) }

        /// What outlives the messenger, until the thread has seen its end.
        private final class Duty: @unchecked Sendable {
            // Guarded by `condition`.
            private var isOn = false
            private var isOver = false
            private let condition = NSCondition()

            func set(isOn: Bool) {
                condition.withLock {
                    self.isOn = isOn
                    if isOn { condition.signal() }
                }
            }

            func end() {
                condition.withLock {
                    isOver = true
                    condition.signal()
                }
            }

            func run() {
                _ = lockstep_set_timer_slack(1_000)
                while look() { usleep(Self.restMicroseconds) }
            }

            private func look() -> Bool {
                condition.withLock {
                    while !isOn && !isOver { condition.wait() }
                    guard !isOver else { return false }
                    // The worker meets what is wrong when it waits for its messages.
                    try? MPI.world.progress()
                    return true
                }
            }

            /// Sockets hold what arrives meanwhile: 64 KiB at 25 Gbit/s.
            private static let restMicroseconds: UInt32 = 20
        }
    }
#endif
