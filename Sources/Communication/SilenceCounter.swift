/// How long each of a rank's peers has been silent.
///
/// Only time in which the own process runs counts: a job that is suspended as a whole, by its queue or with the lid of a
/// laptop, wakes up with all its ranks as they were. A peer is missed only after it, or another of its host, was heard once: where
/// a network lets no sign through, silence means nothing.
package struct SilenceCounter {
    private struct Entry {
        var seconds = 0.0
        var isHeard = false
        var isWatched = false
    }

    private var entries: [Entry]
    /// By peer: which of them are on one host.
    private let hosts: [Int]
    private let interval: Double
    private let timeout: Double
    private var time: Double
    /// Seconds since the begin in which this process ran.
    package private(set) var ownSeconds = 0.0

    package init(hosts: [Int], interval: Double, timeout: Double, now: Double) {
        self.hosts = hosts
        self.interval = interval
        self.timeout = timeout
        entries = hosts.map { _ in Entry() }
        time = now
    }

    package mutating func heard(_ peer: Int) {
        entries[peer].isHeard = true
        entries[peer].isWatched = true
    }

    /// To be called every `interval`; returns those that are lost, the latest of them by less than three intervals: what
    /// failed together is told together.
    package mutating func tick(now: Double) -> [Int] {
        // Twice the interval is what a busy machine makes of it; a longer gap was a stop.
        let step = min(max(now - time, 0), 2 * interval)
        time = now
        ownSeconds += step
        let heardHosts = Set(entries.indices.filter { entries[$0].isHeard }.map { hosts[$0] })
        for peer in entries.indices {
            if entries[peer].isHeard {
                entries[peer].seconds = 0
            } else if entries[peer].isWatched {
                entries[peer].seconds += step
            } else if heardHosts.contains(hosts[peer]) {
                entries[peer].isWatched = true
            }
            entries[peer].isHeard = false
        }
        guard entries.contains(where: { $0.isWatched && $0.seconds >= timeout }) else { return [] }
        return entries.indices.filter { entries[$0].isWatched && entries[$0].seconds >= timeout - 3 * interval }
    }

    package var unwatched: [Int] { entries.indices.filter { !entries[$0].isWatched } }
}
