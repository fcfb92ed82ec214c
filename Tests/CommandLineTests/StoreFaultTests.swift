import Errors
import Foundation
import Sweeps
import Testing

extension CommandLineTests {
    /// A sweep's folder when its process is killed, or its disk fails, at every call that changes a file.
    @Suite struct StoreFaults {
        private struct Trial: Equatable {
            let number: Int
            let state: TrialRecord.State
            let parameters: [String]
            let value: Double?
            let reason: String?
            let sha256: String?
            let seconds: Double?
            let measures: [String: Double]
            /// Bits: NaN too.
            let history: [UInt64]

            init(_ record: TrialRecord) {
                number = record.number
                state = record.state
                parameters = record.trial.parameters.map { "\($0.option)=\($0.value.text)" }
                value = record.value
                reason = record.reason
                sha256 = record.parametersSHA256
                seconds = record.seconds
                measures = record.measures
                history = record.history.map { $0.isNaN ? .max : $0.bitPattern }
            }
        }

        private func run(_ fault: String, _ call: Int, in folder: TemporaryFolder) throws -> ChildProcess.Result {
            try Program.run(
                ["\(folder.path)/out", fault, "\(call)"], binary: Program.storeProbe, folder: folder,
                withinSeconds: 60)
        }

        private func trials(_ folder: TemporaryFolder) throws -> [Trial] {
            try SweepDirectory.read("\(folder.path)/out").records.map(Trial.init)
        }

        /// The whole sweep undisturbed, and how many calls it takes.
        private static let whole: (trials: [Trial], calls: Int) = {
            do {
                let suite = StoreFaults()
                let folder = try TemporaryFolder()
                let result = try suite.run("none", 0, in: folder)
                let lines = result.standardOutput.split(separator: "\n")
                guard result.exitCode == 0, let calls = lines.last?.split(separator: " ").first.flatMap({ Int($0) })
                else { throw TestError("\(result)") }
                return (try suite.trials(folder), calls)
            } catch { fatalError("\(error)") }
        }()

        /// One of `stride` calls: the transactions are much alike, and each begins at another place of the stride.
        private static func calls(_ first: Int, by stride: Int) -> StrideThrough<Int> {
            Swift.stride(from: first, through: whole.calls, by: stride)
        }

        @Test(arguments: [("kill", 1), ("torn", 3)]) func aKilledProcessLosesNoTrialThatHasEnded(
            fault: String, first: Int
        ) throws {
            let (expected, count) = Self.whole
            #expect(expected.map(\.state) == [.finished, .finished, .failed, .finished] && count > 60, "\(expected)")
            for call in Self.calls(first, by: 31) {
                let folder = try TemporaryFolder()
                let killed = try run(fault, call, in: folder)
                try #require(killed.exitCode == 128 + SIGKILL, "call \(call): \(killed)")
                let events = killed.standardOutput.split(separator: "\n").map(String.init)
                if folder.exists("out/sweep.yaml") && folder.exists("out/overrides.yaml") {
                    let before = try Workbench(existing: folder).files("out")
                    let seen = try trials(folder)
                    for number in 1...4 where events.contains("ended \(number)") {
                        #expect(seen[number - 1] == expected[number - 1], "call \(call): \(events)")
                    }
                    #expect(!seen.contains { $0.state == .running }, "call \(call)")
                    // What was begun but not told may be there, and nothing beyond it.
                    #expect(seen.count { $0.state.hasEnded } <= events.count { $0.hasPrefix("ended") } + 1)
                    #expect(try Workbench(existing: folder).files("out") == before, "looking at it changed it")
                }
                let again = try run("none", 0, in: folder)
                #expect(again.exitCode == 0 && again.standardError == "", "call \(call): \(again)")
                for number in 1...4 where events.contains("ended \(number)") {
                    #expect(
                        !again.standardOutput.contains("started \(number)\n"), "call \(call): trial \(number) ran again"
                    )
                }
                #expect(try trials(folder) == expected, "call \(call)")
            }
        }

        @Test(arguments: [("full", 1), ("broken", 2)])
        func aDiskThatFailsIsSaidAndTheSweepGoesOn(fault: String, first: Int) throws {
            let expected = Self.whole.trials
            var failures = 0
            for call in Self.calls(first, by: 41) {
                let folder = try TemporaryFolder()
                let result = try run(fault, call, in: folder)
                #expect(result.exitCode == 0 && result.standardError == "", "call \(call): \(result)")
                let said = result.standardOutput.split(separator: "\n").filter { $0.hasPrefix("failed: ") }
                failures += said.count
                #expect(
                    said.allSatisfy {
                        $0.hasPrefix("failed: inputOutput: \(folder.path)/out/") && $0.contains("disk")
                            || $0.contains("cannot be written")
                    },
                    "call \(call): \(said)")
                #expect(try trials(folder) == expected, "call \(call)")
            }
            // Some calls, such as removing a journal that is empty, may fail without harm.
            #expect(failures > Self.whole.calls / 200, "\(failures)")
        }
    }
}
