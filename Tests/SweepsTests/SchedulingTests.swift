import Foundation
import Sweeps
import Testing

@Suite("Scheduling")
struct SchedulingTests {
    private func numbers(_ queue: inout TrialQueue, _ sequence: inout TrialSequence, limit: Int = 100) -> [Int] {
        var numbers: [Int] = []
        while numbers.count < limit, case .trial(let trial) = queue.next(&sequence) { numbers.append(trial.number) }
        return numbers
    }

    private static let grid = "  batch_size: {values: [1, 2, 3]}\n  hidden_size: {values: [4, 8, 16]}"

    /// By epochs, of which the second trial of each three has most.
    private static func cost(_ trial: SweepPlan.Trial) -> Double { [5, 9, 1][(trial.number - 1) % 3] }

    @Test("where nothing depends on results the last trials go longest first, of equal ones the lower number")
    func longestFirst() throws {
        var sequence = TrialSequence(try sweep("grid", Self.grid))
        for number in 1...9 { _ = sequence.trial(number) }
        sequence.record(.init(value: 1), of: 4)
        var all = TrialQueue(sequence, windowCount: 9, cost: Self.cost)
        #expect(numbers(&all, &sequence) == [2, 5, 8, 1, 7, 3, 6, 9])
        var last = TrialQueue(sequence, windowCount: 4, cost: Self.cost)
        #expect(numbers(&last, &sequence) == [1, 2, 3, 5, 8, 7, 6, 9])
    }

    @Test(
        "where a decision or the end depends on results trials go in the order of their numbers",
        arguments: [
            "early_terminate: {type: hyperband, min_iter: 1}", "metric: {name: testLoss, target: 0}",
        ])
    func inOrder(rest: String) throws {
        var sequence = TrialSequence(try sweep("grid", Self.grid, rest))
        var queue = TrialQueue(sequence, windowCount: 9, cost: Self.cost)
        #expect(numbers(&queue, &sequence) == Array(1...9))
    }

    @Test("suggestions wait for results, and are prepared when these are there")
    func waiting() throws {
        let range = "  learning_rate: {distribution: log_uniform_values, min: 1.0e-5, max: 0.1}"
        var sequence = TrialSequence(try sweep("tpe", range, "run_cap: 6\nlag: 2"))
        var queue = TrialQueue(sequence, windowCount: 9) { _ in 0 }
        #expect(numbers(&queue, &sequence) == [1, 2, 3])
        #expect(!queue.prepare(&sequence))
        sequence.record(.init(value: 1), of: 1)
        #expect(queue.prepare(&sequence) && sequence.trials.count == 4 && !queue.prepare(&sequence))
        #expect(numbers(&queue, &sequence) == [4])
    }

    @Test("a trial that comes back is the next, the lowest first")
    func returned() throws {
        var sequence = TrialSequence(try sweep("grid", Self.grid))
        for number in 1...9 { _ = sequence.trial(number) }
        var queue = TrialQueue(sequence, windowCount: 0, cost: Self.cost)
        #expect(numbers(&queue, &sequence, limit: 4) == [1, 2, 3, 4])
        queue.putBack(4)
        queue.putBack(2)
        #expect(numbers(&queue, &sequence, limit: 3) == [2, 4, 5])
    }

    @Test("idle shares and the trace of two starts")
    func timeline() throws {
        let folder = try Folder()
        let plan = try sweep("grid", Self.grid)
        let zero = Date(timeIntervalSince1970: 1_000_000)
        let times = [(1, 0, 0.0, 4.0), (2, 1, 0.0, 2.0), (3, 1, 2.5, 5.0), (4, 0, 4.0, 4.5)]
        let records = times.map { number, group, begun, ended in
            var record = TrialRecord(plan.trials[number - 1], of: plan, state: .finished)
            (record.group, record.session) = (group, 1)
            (record.begun, record.ended) = (zero + begun, zero + ended)
            record.value = Double(number)
            return record
        }
        let start = TrialStore.Session(
            number: 1, begun: zero - 1, lastEvent: zero + 5, ended: zero + 5, workers: 2, groups: 2,
            workersPerTrial: 1, hosts: ["a"])
        let timeline = SweepTimeline(records, [start])
        let session = try #require(timeline.sessions.first)
        #expect(timeline.sessions.count == 1 && session.groups.map(\.count) == [2, 2])
        #expect((0...1).allSatisfy { abs(session.idleShare(of: $0) - 0.1) < 1e-12 })
        #expect(session.begin == 1 && session.end == 6)
        try timeline.trace.write(to: "\(folder.path)/trace.json")
        let events = try #require(
            try JSONSerialization.jsonObject(with: Data(folder.bytes("trace.json"))) as? [[String: Any]])
        let bars = events.filter { $0["ph"] as? String == "X" }
        #expect(bars.count == 4 && bars.allSatisfy { $0["pid"] as? Int == 1 })
        #expect(Set(bars.compactMap { $0["name"] as? String }) == ["trial 1", "trial 2", "trial 3", "trial 4"])
        #expect(bars.compactMap { $0["dur"] as? Double }.reduce(0, +) == 9e6)
    }
}
