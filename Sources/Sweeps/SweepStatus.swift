import Foundation

/// How far a sweep is.
package struct SweepStatus: Sendable {
    package let plan: SweepPlan
    package let isInUse: Bool
    /// Trials by state; those that are not known yet are pending.
    package let counts: [TrialRecord.State: Int]
    /// Nil where only a target ends the sweep.
    package let total: Int?
    package let best: TrialRecord?
    package let running: [TrialRecord]
    package let sessions: [TrialStore.Session]
    /// Of the last start that has ended one.
    package let trialsPerHour: Double?
    /// Until the last trial has ended, at that rate.
    package let secondsLeft: Double?

    package init(_ contents: SweepDirectory.Contents, now: Date = Date()) {
        plan = contents.plan
        isInUse = contents.isInUse
        sessions = contents.sessions
        let records = contents.records
        var counts = Dictionary(grouping: records, by: \.state).mapValues(\.count)
        let ended = records.count { $0.state.hasEnded }
        total = contents.isTargetReached ? records.count : plan.trialCount
        if let total { counts[.pending] = max(total - ended - (counts[.running] ?? 0), 0) }
        self.counts = counts
        best = plan.best(of: records)
        running = records.filter { $0.state == .running }

        var rate: Double?
        for session in sessions.reversed() where rate == nil {
            let count = records.count { $0.session == session.number && $0.state.hasEnded }
            let isLast = session.number == sessions.last?.number
            let end = session.ended ?? (isInUse && isLast ? max(now, session.lastEvent) : session.lastEvent)
            let seconds = end.timeIntervalSince(session.begun)
            if count > 0, seconds > 0 { rate = Double(count) / seconds }
        }
        trialsPerHour = rate.map { $0 * 3_600 }
        let left = total.map { Double(max($0 - ended, 0)) }
        secondsLeft = rate.flatMap { rate in left.map { $0 / rate } }
    }
}

/// `sweep status --json`.
extension SweepStatus: Encodable {
    private enum CodingKeys: String, CodingKey {
        case name, method, metric, isMaximized, isRunning, total, counts, best, running, sessions, trialsPerHour
        case secondsLeft
    }

    private struct Running: Encodable {
        let number: Int
        let group: Int?
        let attempts: Int
        let since: String?
        let parameters: [String: SweepValue]
        let folder: String
    }

    private struct Session: Encodable {
        let number: Int
        let begun: String
        let lastEvent: String
        let ended: String?
        let workers: Int
        let groups: Int
        let workersPerTrial: Int
        let hosts: [String]
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(plan.definition.name, forKey: .name)
        try container.encode(plan.definition.method.rawValue, forKey: .method)
        try container.encode(plan.definition.metric.name, forKey: .metric)
        try container.encode(plan.definition.metric.isMaximized, forKey: .isMaximized)
        try container.encode(isInUse, forKey: .isRunning)
        try container.encodeIfPresent(total, forKey: .total)
        let all = TrialRecord.State.allCases.map { ($0.rawValue, counts[$0] ?? 0) }
        try container.encode(Dictionary(uniqueKeysWithValues: all), forKey: .counts)
        try container.encodeIfPresent(best, forKey: .best)
        let now = running.map {
            Running(
                number: $0.number, group: $0.group, attempts: $0.attempts, since: $0.begun.map(Self.text),
                parameters: $0.parameters, folder: $0.folder)
        }
        try container.encode(now, forKey: .running)
        let starts = sessions.map {
            Session(
                number: $0.number, begun: Self.text($0.begun), lastEvent: Self.text($0.lastEvent),
                ended: $0.ended.map(Self.text), workers: $0.workers, groups: $0.groups,
                workersPerTrial: $0.workersPerTrial, hosts: $0.hosts)
        }
        try container.encode(starts, forKey: .sessions)
        try container.encodeIfPresent(trialsPerHour, forKey: .trialsPerHour)
        try container.encodeIfPresent(secondsLeft, forKey: .secondsLeft)
    }

    /// 2026-02-03T04:05:06Z
    package static func text(_ date: Date) -> String { date.formatted(.iso8601) }
}
