import Errors

/// What becomes of ranks that give no sign of life. Without one, ranks that wait for a stopped one wait for ever.
///
/// A sign of life comes from a thread of its own, so a rank that reads data, evaluates or writes a checkpoint for an hour
/// lives; one whose process is stopped, or whose host does not answer, does not.
package struct RankWatch: Sendable {
    /// How long another rank may be silent; nil for ever. Rank 0's holds for all.
    package let timeoutSeconds: Double?
    /// Ends the process, since its other threads may wait in MPI for ever; `speaks` says whether it tells the user.
    package let end: @Sendable (_ failure: Failure, _ speaks: Bool) -> Never
    /// For what is no obstacle, on rank 0.
    package let note: @Sendable (String) -> Void

    package init(
        timeoutSeconds: Double?, end: @escaping @Sendable (_ failure: Failure, _ speaks: Bool) -> Never,
        note: @escaping @Sendable (String) -> Void
    ) {
        self.timeoutSeconds = timeoutSeconds
        self.end = end
        self.note = note
    }

    package static let timeoutVariable = "LOCKSTEP_TIMEOUT"
    private static let defaultTimeoutSeconds = 60.0
    private static let timeoutRange = 2.0...86_400

    /// What `LOCKSTEP_TIMEOUT` says: seconds, `never`, or nothing.
    package static func timeout(environment: [String: String]) throws(Failure) -> Double? {
        guard let text = environment[timeoutVariable] else { return defaultTimeoutSeconds }
        if text == "never" { return nil }
        guard let seconds = Double(text), timeoutRange.contains(seconds) else {
            throw Failure(
                .usage,
                "\(timeoutVariable)=\(text.onOneLine(atMost: 40)): it is a number of seconds from 2 to 86400, or never")
        }
        return seconds
    }

    /// Seconds between two signs of life: ten in the time-out, one a second at most; fewer where rank 0 hears many.
    static func interval(timeoutSeconds: Double, size: Int) -> Double {
        max(min(1, timeoutSeconds / 10), min(Double(size) / 256, timeoutSeconds / 8))
    }

    /// Seconds that ranks may need to find each other: each starts a process, perhaps many on one processor.
    static func startLimit(timeoutSeconds: Double, size: Int) -> Double { timeoutSeconds + Double(size) / 2 }
}

/// A rank as another sees it.
package struct Peer: Hashable, Sendable {
    package let rank: Int
    package let process: Int32
    package let hostName: String
    /// As Linux names it in /proc: T for one that was stopped; nil where it cannot be seen.
    package var state: Character?

    package init(rank: Int, process: Int32, hostName: String, state: Character? = nil) {
        self.rank = rank
        self.process = process
        self.hostName = hostName
        self.state = state
    }
}

extension RankWatch {
    /// What is said of ranks that were lost. `others` are those that are heard, or who speaks.
    package static func failure(lost: [Peer], others: [Peer], timeoutSeconds: Double) -> Failure {
        let time = "for \(seconds(timeoutSeconds)) s"
        var parts: [String] = []
        var hosts: [String] = []
        for peer in lost where !hosts.contains(peer.hostName) { hosts.append(peer.hostName) }
        for host in hosts {
            let ranks = lost.filter { $0.hostName == host }
            if !others.contains(where: { $0.hostName == host }) {
                let names = ranks.prefix(3).map { "rank \($0.rank), process \($0.process)" }.joined(separator: "; ")
                let rest = ranks.count > 3 ? "; \(ranks.count - 3) more" : ""
                parts.append("\(host) gives no sign of life \(time) (\(names)\(rest)): cut off, stopped or down")
                continue
            }
            for peer in ranks.prefix(3) {
                let why =
                    switch peer.state {
                    case "T": "it is stopped"
                    case "Z", "X": "it has ended"
                    default: "it is stopped or gone"
                    }
                parts.append(
                    "rank \(peer.rank) (process \(peer.process)) on \(host) gives no sign of life \(time): \(why)")
            }
            if ranks.count > 3 { parts.append("nor do \(ranks.count - 3) more ranks there") }
        }
        return Failure(
            .internal, parts.joined(separator: "; ") + "; the job ends: start again from the last checkpoint")
    }

    /// What is said where ranks do not find each other.
    static func startFailure(rank: Int, hostName: String, seconds limit: Double) -> Failure {
        Failure(
            .internal,
            "rank \(rank) on \(hostName) has waited \(seconds(limit)) s for the others to start: one of them, or its host, "
                + "is stopped or cut off; or say \(timeoutVariable) with more seconds")
    }

    /// "60", "7.5"
    private static func seconds(_ value: Double) -> String {
        value == value.rounded() ? "\(Int(value))" : "\((value * 10).rounded() / 10)"
    }
}
