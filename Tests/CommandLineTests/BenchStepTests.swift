import Foundation
import Testing

extension CommandLineTests {
    @Suite struct BenchStep {
        /// One worker, threads, ranks.
        static let ways = [Way(workers: 1), Way(workers: 3)] + (Program.hasRanks ? [Way(ranks: 2)] : [])
        static let command = [
            "bench", "step", "--dataset", "./data", "--model", SmallDataset.model, "--epochs", "2", "--batch-size",
            "64",
        ]
        static let phases = [
            "input", "forward", "loss", "dX", "dW", "post", "wait", "reduction", "optimizer", "publish",
        ]
        /// 600 samples in batches of 64, two epochs.
        static let measuredSteps = 20

        struct Result: Decodable {
            let network: String
            let workers: Int
            let samplesPerSecond: Double
            let fractionOfPeak: Double
            let steps: Steps
            let phases: [Phase]

            struct Steps: Decodable {
                let fifthPercentile, median, ninetyFifthPercentile: Double
            }

            struct Phase: Decodable {
                let name: String
                let microseconds: Double
                let shareOfStep: Double
                let microsecondsByWorker: [Double]
                let leastMicroseconds: Double
                let greatestMicroseconds: Double
                let shareOfRoofline: Double?
            }
        }

        struct Event: Decodable {
            let name: String
            let ph: String
            let cat: String?
            let ts: Double?
            let dur: Double?
            let pid: Int
            let tid: Int
            let args: Arguments

            struct Arguments: Decodable {
                let name: String?
                let step: Int?
            }

            var begin: Double { ts ?? .nan }
            var end: Double { begin + (dur ?? .nan) }
        }

        private func run(_ bench: Workbench, _ arguments: [String], _ way: Way) throws -> String {
            let result = try bench.run(
                Self.command + arguments + (way.workers.map { ["--workers", "\($0)"] } ?? []), ranks: way.ranks)
            try #require(result.exitCode == 0 && result.standardError == "", "\(result)")
            return result.standardOutput
        }

        @Test(arguments: ways) func phasesAddUp(way: Way) throws {
            let output = try run(Workbench(), ["--json"], way)
            let results = try JSONDecoder().decode([Result].self, from: Data(output.utf8))
            try #require(results.count == 1)
            let (result, workers) = (results[0], way.ranks ?? way.workers ?? 0)
            #expect(result.network == SmallDataset.model && result.workers == workers)
            #expect(result.samplesPerSecond > 0 && result.fractionOfPeak > 0)
            #expect(result.phases.map(\.name) == Self.phases + ["other"])
            #expect(abs(result.phases.reduce(0) { $0 + $1.shareOfStep } - 1) < 1e-9)
            // Each sum is over the measured steps, one by the phases, one by the epochs.
            let step = result.phases.reduce(0) { $0 + $1.microseconds }
            let steps = result.steps
            #expect(
                0 < steps.fifthPercentile && steps.fifthPercentile <= steps.median
                    && steps.median <= steps.ninetyFifthPercentile, "\(steps)")
            for phase in result.phases {
                #expect(abs(phase.shareOfStep - phase.microseconds / step) < 1e-9, "\(phase)")
                let all = phase.microsecondsByWorker
                #expect(all.count == workers && all[0] == phase.microseconds, "\(phase)")
                #expect(all.min() == phase.leastMicroseconds && all.max() == phase.greatestMicroseconds, "\(phase)")
            }
            func phase(_ name: String) throws -> Result.Phase {
                try #require(result.phases.first { $0.name == name })
            }
            for name in ["input", "forward", "dX", "dW", "optimizer"] {
                #expect(try phase(name).microseconds > 0 && phase(name).shareOfRoofline ?? 0 > 0, "\(name)")
            }
            for name in ["loss", "wait", "other"] { #expect(try phase(name).shareOfRoofline == nil, "\(name)") }
            #expect(try (phase("publish").shareOfRoofline != nil) == (workers > 1))
        }

        /// Each line fits a terminal of 80 columns where the model's text does.
        @Test(arguments: ways) func textFitsATerminal(way: Way) throws {
            let lines = try run(Workbench(), [], way).split(separator: "\n")
            for line in lines { #expect(line.count <= 80, "\(line)") }
            for phase in Self.phases { #expect(lines.contains { $0.hasPrefix("  \(phase) ") }, "\(phase)") }
        }

        @Test(arguments: ways, [5, 1_000]) func trace(way: Way, stepLimit: Int) throws {
            let (bench, workers) = (try Workbench(), way.ranks ?? way.workers ?? 0)
            _ = try run(bench, ["--trace", "trace.json", "--trace-steps", "\(stepLimit)"], way)
            let events = try JSONDecoder().decode([Event].self, from: bench.folder.read("trace.json"))
            let named = events.filter { $0.ph == "M" && $0.name == "thread_name" }
            #expect(named.map(\.args.name) == (0..<workers).map { "worker \($0)" })
            #expect(named.map(\.tid) == Array(1...workers) && Set(events.map(\.pid)) == [1])
            #expect(events.count { $0.name == "process_name" } == 1)
            #expect(events.allSatisfy { $0.ph == "M" || $0.ph == "X" && $0.begin >= 0 && $0.end >= $0.begin })
            #expect(events.compactMap(\.ts).min() == 0)

            let count = min(stepLimit, Self.measuredSteps)
            let numbers = Array(Self.measuredSteps - count..<Self.measuredSteps)
            var steps: [[Event]] = []
            for worker in 1...workers {
                let own = events.filter { $0.tid == worker && $0.ph == "X" }
                let whole = own.filter { $0.cat == "step" }
                steps.append(whole)
                #expect(whole.map(\.args.step) == numbers && whole.map(\.name) == numbers.map { "step \($0)" })
                for step in whole {
                    // Laps follow one another and do not leave their step, whose numbers have three decimals.
                    let laps = own.filter { $0.cat == "phase" && $0.args.step == step.args.step }
                    #expect(Set(laps.map(\.name)).isSubset(of: Self.phases))
                    #expect(Set(laps.map(\.name)).isSuperset(of: ["input", "forward", "loss", "dX", "dW", "publish"]))
                    let bounds = [step.begin] + laps.flatMap { [$0.begin, $0.end] } + [step.end]
                    #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $0 <= $1 + 1e-3 }, "\(bounds)")
                }
                #expect(
                    own.count { $0.cat == "phase" }
                        == whole.reduce(0) { sum, step in
                            sum + own.count { $0.cat == "phase" && $0.args.step == step.args.step }
                        })
            }
            // Workers wait for each other inside of every step: on one clock, all are in it at some moment.
            for number in numbers.indices {
                let begins = steps.map { $0[number].begin }
                let ends = steps.map { $0[number].end }
                #expect(begins.max()! < ends.min()!, "step \(numbers[number]): \(begins) \(ends)")
            }
        }

        /// What was in the file's place is replaced, and every network of a suite gets its own process.
        @Test func traceOfASuite() throws {
            let bench = try Workbench(SmallDataset())
            try WideDataset.write(in: bench.folder)
            try bench.folder.write("old".utf8, to: "trace.json")
            let result = try bench.run([
                "bench", "step", "--dataset", "./wide", "--suite", "mlp-small,mlp-deep", "--epochs", "1", "--workers",
                "2",
                "--trace", "trace.json",
            ])
            try #require(result.exitCode == 0, "\(result)")
            let events = try JSONDecoder().decode([Event].self, from: bench.folder.read("trace.json"))
            let names = events.filter { $0.name == "process_name" }
            #expect(names.map(\.pid) == [1, 2])
            #expect(names[0].args.name?.hasPrefix("mlp-small on ") == true)
            #expect(names[1].args.name?.hasPrefix("mlp-deep on ") == true)
            #expect(Set(events.filter { $0.pid == 2 && $0.ph == "X" }.map(\.tid)) == [1, 2])
        }

        @Test(arguments: ways) func runsTellHowFastTheyStart(way: Way) throws {
            struct Summary: Decodable {
                let dataSeconds: Double
                let firstStepSeconds: Double
                let evaluationSeconds: Double
                let wallSeconds: Double
            }
            let bench = try Workbench()
            let result = try bench.run(
                Workbench.training + ["--quiet", "--out", "run"] + (way.workers.map { ["--workers", "\($0)"] } ?? []),
                ranks: way.ranks)
            try #require(result.exitCode == 0, "\(result)")
            let summary = try JSONDecoder().decode(Summary.self, from: bench.folder.read("run/summary.json"))
            #expect(summary.dataSeconds > 0 && summary.dataSeconds < summary.firstStepSeconds)
            #expect(summary.firstStepSeconds > 0 && summary.firstStepSeconds < result.seconds)
            #expect(summary.evaluationSeconds > 0 && summary.evaluationSeconds < summary.wallSeconds)
            let scored = try bench.run(["evaluate", "run", "--json"])
            let report = try #require(
                try JSONSerialization.jsonObject(with: Data(scored.standardOutput.utf8)) as? [String: Any])
            #expect((report["seconds"] as? Double).map { $0 > 0 && $0 < scored.seconds } == true)
        }
    }
}
