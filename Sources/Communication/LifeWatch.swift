#if MPI
    import Errors
    import Foundation
    import Synchronization

    /// A thread of each rank that shows the others that this process lives, and ends it when one of them gives no sign of
    /// life any more (`RankWatch`). It calls no MPI and sleeps but for some microseconds a second.
    ///
    /// Every rank sends its signs to rank 0, and rank 0 to each: a rank that is cut off misses rank 0 and ends too.
    final class LifeWatch: Sendable {
        /// The ranks that have found each other.
        final class Circle: @unchecked Sendable {
            let lines: LifeLines
            let peers: [Peer]
            /// The ranks that were heard when the watch began.
            let heard: Set<Int>
            let timeoutSeconds: Double
            let interval: Double
            /// The ranks' barrier in shared memory, where they meet failures; used under the phase's lock.
            fileprivate var block: ControlBlock?

            init(
                _ lines: LifeLines, peers: [Peer], heard: Set<Int>, timeoutSeconds: Double, block: ControlBlock?
            ) {
                self.lines = lines
                self.peers = peers
                self.heard = heard
                self.timeoutSeconds = timeoutSeconds
                self.block = block
                interval = RankWatch.interval(timeoutSeconds: timeoutSeconds, size: peers.count)
            }
        }

        private enum Phase {
            case starting
            case watching(Circle)
            case over
        }

        let watch: RankWatch
        private let phase = Mutex(Phase.starting)

        /// Watches over the start, too: from before MPI's until `begin`.
        init(_ watch: RankWatch, rank: Int, size: Int) {
            self.watch = watch
            Thread.startQuietly("life watch", stackSize: 256 << 10) { [self] in
                guard let circle = awaitStart(rank: rank, size: size) else { return }
                look(circle)
            }
        }

        /// All ranks are there. Without a circle, nobody looks.
        func begin(_ circle: Circle?) {
            phase.withLock { $0 = circle.map { .watching($0) } ?? .over }
        }

        /// The ranks' common memory ends.
        func forgetMemory() {
            phase.withLock { if case .watching(let circle) = $0 { circle.block = nil } }
        }

        func end() { phase.withLock { $0 = .over } }

        private func awaitStart(rank: Int, size: Int) -> Circle? {
            let pause = 0.25
            let limit = watch.timeoutSeconds.map { RankWatch.startLimit(timeoutSeconds: $0, size: size) }
            var waited = 0.0
            var time = Self.seconds()
            while true {
                Self.sleep(pause)
                let now = Self.seconds()
                waited += min(now - time, 2 * pause)
                time = now
                switch phase.withLock({ $0 }) {
                case .starting: break
                case .watching(let circle): return circle
                case .over: return nil
                }
                // Rank 0 speaks first, if it can.
                if let limit, waited >= limit + (rank == 0 ? 0 : 2) {
                    lose(RankWatch.startFailure(rank: rank, hostName: hostName(), seconds: limit))
                }
            }
        }

        private func look(_ circle: Circle) {
            let (lines, peers) = (circle.lines, circle.peers)
            let own = peers[lines.rank]
            // Rank 0 hears all others, and each other hears rank 0.
            let heard = lines.rank == 0 ? Array(peers.dropFirst()) : [peers[0]]
            // Rank 0 and then rank 1 speak first; whoever else is left has no launcher that would end it.
            let patience = lines.rank <= 1 ? 0 : max(1.5, min(circle.timeoutSeconds / 10, 3))
            let names = Set(peers.map(\.hostName)).sorted()
            var counter = SilenceCounter(
                hosts: heard.map { names.firstIndex(of: $0.hostName)! }, interval: circle.interval,
                timeout: circle.timeoutSeconds + patience, now: Self.seconds())
            for rank in circle.heard { counter.heard(max(rank - 1, 0)) }
            var mayNote = lines.rank == 0
            while true {
                Self.sleep(circle.interval)
                guard case .watching = phase.withLock({ $0 }) else { return }
                lines.receive { rank in counter.heard(max(rank - 1, 0)) }
                lines.send()
                var lost = counter.tick(now: Self.seconds()).map { heard[$0] }
                if !lost.isEmpty {
                    for index in lost.indices where lost[index].hostName == own.hostName {
                        lost[index].state = processState(lost[index].process)
                    }
                    // Somebody looks at them with a debugger.
                    for peer in lost where peer.state == "t" { counter.heard(max(peer.rank - 1, 0)) }
                    lost.removeAll { $0.state == "t" }
                }
                if !lost.isEmpty {
                    let names = lost.map(\.rank)
                    let others = [own] + heard.filter { !names.contains($0.rank) }
                    lose(RankWatch.failure(lost: lost, others: others, timeoutSeconds: circle.timeoutSeconds))
                }
                if mayNote && counter.ownSeconds > max(10, 3 * circle.interval) {
                    mayNote = false
                    let silent = Set(counter.unwatched.map { heard[$0].hostName }).sorted()
                    if !silent.isEmpty {
                        watch.note(
                            "no sign of life comes through from \(silent.joined(separator: ", ")) (UDP to port "
                                + "\(lines.port)): a host that vanishes is noticed by the launcher alone")
                    }
                }
            }
        }

        private func lose(_ failure: Failure) {
            // Ranks that wait in common memory end with the same failure, and one of all speaks.
            let speaks: Bool? = phase.withLock {
                switch $0 {
                case .over: return nil
                case .starting: return true
                case .watching(let circle):
                    circle.block?.poison(failure)
                    return circle.block?.claimReport() ?? true
                }
            }
            if let speaks { watch.end(failure, speaks) }
        }

        /// This machine's time, which stands still while it sleeps.
        private static func seconds() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        }

        private static func sleep(_ seconds: Double) {
            var time = timespec(tv_sec: Int(seconds), tv_nsec: Int((seconds - Double(Int(seconds))) * 1e9))
            var rest = timespec()
            while nanosleep(&time, &rest) != 0 && errno == EINTR { time = rest }
        }
    }
#endif
