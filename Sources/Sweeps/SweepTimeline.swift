import Errors
import Foundation
import Training

/// Which group trained which trial when, over all starts of a sweep.
package struct SweepTimeline: Sendable {
    package struct Bar: Sendable {
        package let record: TrialRecord
        /// Seconds since the first start.
        package let begin: Double
        package let end: Double
    }

    package struct Session: Sendable {
        /// Seconds since the first start: from the first trial's begin to the last trial's end.
        package let begin: Double
        package let end: Double
        /// By group, in the order of time.
        package let groups: [[Bar]]

        /// The part of a group's time in which it trained nothing, the wait for the last trial of others included.
        package func idleShare(of group: Int) -> Double {
            guard end > begin else { return 0 }
            return max(0, 1 - groups[group].reduce(0) { $0 + $1.end - $1.begin } / (end - begin))
        }

        /// Of all groups.
        package var idleShare: Double {
            groups.isEmpty ? 0 : groups.indices.reduce(0) { $0 + idleShare(of: $1) } / Double(groups.count)
        }
    }

    /// Starts that have trained a trial to its end.
    package let sessions: [Session]

    /// Trials that ended in each session, of those that are known with their times.
    package init(_ records: [TrialRecord], _ starts: [TrialStore.Session]) {
        let zero = starts.first?.begun ?? .distantPast
        sessions = starts.compactMap { start in
            var groups: [[Bar]] = Array(repeating: [], count: start.groups)
            for record in records where record.state.hasEnded && record.session == start.number {
                guard let begun = record.begun, let ended = record.ended, let group = record.group,
                    group < start.groups
                else { continue }
                groups[group].append(
                    Bar(record: record, begin: begun.timeIntervalSince(zero), end: ended.timeIntervalSince(zero)))
            }
            let bars = groups.joined()
            guard let begin = bars.map(\.begin).min(), let end = bars.map(\.end).max() else { return nil }
            return Session(begin: begin, end: end, groups: groups.map { $0.sorted { $0.begin < $1.begin } })
        }
    }

    /// A row for each group of each start.
    package var trace: TraceFile {
        var file = TraceFile()
        for (number, session) in sessions.enumerated() {
            file.nameProcess(number + 1, "start \(number + 1)")
            for (group, bars) in session.groups.enumerated() {
                file.nameThread(group + 1, of: number + 1, "group \(group)")
                for bar in bars {
                    file.add(
                        "trial \(bar.record.number)", category: bar.record.state.rawValue,
                        nanoseconds: Self.nanoseconds(bar.begin)..<Self.nanoseconds(bar.end), process: number + 1,
                        thread: group + 1,
                        arguments: [
                            "state": TraceFile.literal(bar.record.state.rawValue),
                            "value": bar.record.value.map { "\($0)" } ?? "null",
                        ])
                }
            }
        }
        return file
    }

    private static func nanoseconds(_ seconds: Double) -> UInt64 { UInt64(max(seconds, 0) * 1e9) }
}
