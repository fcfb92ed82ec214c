import CDiskFaults
import Errors
import Foundation
import Sweeps

/// A sweep's folder whose disk fails: `StoreProbe FOLDER FAULT CALL`, FAULT none, kill, torn, full or broken.
///
/// Goes on with the sweep in FOLDER, with made-up outcomes instead of trainings. Each event that the store has taken is a
/// line of standard output. Where an event fails, the program says so, mends the disk and tries once more.
@main
struct StoreProbe {
    static let faults: [String: disk_fault] = [
        "kill": disk_fault_kill, "torn": disk_fault_torn, "full": disk_fault_full, "broken": disk_fault_broken,
    ]

    static func main() throws {
        let words = CommandLine.arguments
        guard words.count == 4, let call = UInt64(words[3]) else { fatalError("StoreProbe FOLDER FAULT CALL") }
        if let fault = faults[words[2]] { disk_faults_begin(call, fault) }
        let text = """
            method: tpe
            metric: {name: testLoss}
            lag: 0
            run_cap: 4
            parameters:
              learning_rate: {min: 0.001, max: 0.1}
              optimizer: {values: [sgd, adam]}

            """
        let plan = try SweepPlan(SweepDefinition(yaml: text, path: "sweep.yaml"))
        let directory = try event("opened") {
            try SweepDirectory(path: words[1], plan: plan, text: text, retriesFailed: false)
        }
        try event("begun") {
            try directory.beginSession(workers: 2, groups: 2, workersPerTrial: 1, hosts: ["a", "b", "a"])
        }
        var number = 1
        while case .trial(let trial) = directory.sequence.trial(number) {
            defer { number += 1 }
            guard directory.sequence.outcome(of: number) == nil else { continue }
            try event("started \(number)") { try directory.save(directory.started(trial, group: number % 2)) }
            if number == 2, directory.records[1].attempts == 1 {
                try event("requeued 2") { try directory.save(directory.returned(2, reason: "a \"host\" is gone")) }
                try event("started 2") { try directory.save(directory.started(trial, group: 0)) }
            }
            let record = try outcome(of: trial, plan)
            try event("ended \(number)") { try directory.save(directory.ended(record)) }
        }
        try event("over") { try directory.endSession() }
        say("\(disk_faults_count()) calls")
    }

    /// What a training would say; a function of the trial.
    private static func outcome(of trial: SweepPlan.Trial, _ plan: SweepPlan) throws -> TrialRecord {
        var record = TrialRecord(trial, of: plan, state: trial.number == 3 ? .failed : .finished)
        let rate = trial.value(of: "learning-rate")?.number ?? 0
        record.value = trial.number == 3 ? nil : abs(rate - 0.03) + 0.1
        record.reason = trial.number == 3 ? "made up" : nil
        record.parametersSHA256 = String(repeating: "\(trial.number)", count: 64)
        record.seconds = Double(trial.number) / 3
        record.measures = ["testLoss": rate * 3, "epochs": 3]
        record.history = [rate, .nan, -rate]
        return record
    }

    private static func event<Value>(_ name: String, _ body: () throws -> Value) throws -> Value {
        do {
            let value = try body()
            say(name)
            return value
        } catch let failure as Failure {
            say("failed: \(failure.kind): \(failure.message)")
            disk_faults_end()
        }
        let value = try body()
        say(name)
        return value
    }

    private static func say(_ line: String) {
        Array((line + "\n").utf8).withUnsafeBytes { _ = write(1, $0.baseAddress, $0.count) }
    }
}
