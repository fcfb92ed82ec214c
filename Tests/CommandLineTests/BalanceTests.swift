import Foundation
import Testing

extension CommandLineTests {
    /// Work divided unevenly, from the begin or in the middle of a run, gives the same bits.
    @Suite struct Balance {
        struct Training: Sendable, CustomTestStringConvertible {
            let name: String
            let arguments: [String]

            var testDescription: String { name }

            /// An epoch of 600 samples has a short last batch, and with 61 a short last grain.
            static let all = [
                Training(
                    name: "mlp, lamb, clipped norm, average, best epoch, a checkpoint after every step",
                    arguments: [
                        "--batch-size", "61", "--optimizer", "lamb", "--clip-norm", "0.5", "--average", "0.9",
                        "--validation-split", "0.2", "--metric", "validation-loss", "--checkpoint-every", "1steps",
                    ]),
                Training(
                    name: "batch norm and dropout, changed pictures, two batches a step",
                    arguments: [
                        "--batch-size", "61", "--augment", "shift 1, flip", "--accumulate", "2", "--model",
                        "dense 32, batchnorm, relu, dropout 0.3, dense 24, batchnorm, relu, dense 10",
                    ]),
                Training(
                    name: "cnn, momentum",
                    arguments: [
                        "--batch-size", "64", "--optimizer", "momentum", "--model",
                        "conv 4 3x3, batchnorm, relu, maxpool 2, flatten, dense 32, relu, dropout 0.1, dense 10",
                    ]),
            ]
        }

        private static func way(_ ranks: Int, _ speeds: String, _ transport: String? = nil) -> Way {
            var way = Program.hasRanks ? Way(ranks: ranks) : Way(workers: ranks)
            way.environment = ["LOCKSTEP_BALANCE": speeds]
            if Program.hasRanks, let transport { way.environment["LOCKSTEP_TRANSPORT"] = transport }
            return way
        }

        static let ways = [
            Way(workers: 2, environment: ["LOCKSTEP_BALANCE": "3,1"]),
            Way(workers: 3, environment: ["LOCKSTEP_BALANCE": "1,5,2@7"]),
            way(3, "3,1,2"), way(3, "1,4,2@5", "hosts:2,1"), way(4, "1,1,6,2", "hosts:1,3"),
            way(2, "1,3@3", "messages"),
        ]

        /// What `summary.json` says of the division.
        private struct Summary: Decodable {
            struct Balance: Decodable {
                let grains: [Int]
                let parameters: [Double]
                let afterStep: Int
                let samplesPerSecond: [Double]?
                let predictedGain: Double?
                let evenSamplesPerSecond: Double?
                let balancedSamplesPerSecond: Double?
            }

            let balance: Balance?
        }

        private func balance(_ bench: Workbench, _ run: String = "run") throws -> Summary.Balance? {
            let path = bench.folder.path + "/\(run)/summary.json"
            return try JSONDecoder().decode(Summary.self, from: Data(contentsOf: URL(fileURLWithPath: path))).balance
        }

        @Test(arguments: Training.all, ways) func givesTheSameBits(training: Training, way: Way) throws {
            let expected = try Workbench().train(training.arguments)
            let bench = try Workbench()
            #expect(try bench.train(training.arguments, as: way) == expected)
            let found = try #require(try balance(bench))
            let words = try #require(way.environment["LOCKSTEP_BALANCE"]).split(separator: "@")
            let speeds = words[0].split(separator: ",").compactMap { Double($0) }
            #expect(found.grains.count == speeds.count && found.grains.reduce(0, +) == 8)
            // More to do for the faster, and something for all.
            for (a, b) in zip(speeds.indices, speeds.indices.dropFirst()) where speeds[a] > 2 * speeds[b] {
                #expect(found.grains[a] > found.grains[b] && found.parameters[a] > found.parameters[b])
            }
            #expect(found.grains.allSatisfy { $0 > 0 })
            #expect(found.afterStep == (words.count > 1 ? Int(words[1]) : 0))
            #expect(found.samplesPerSecond == nil && found.balancedSamplesPerSecond == nil)
        }

        /// Stopped after a change of the division, and gone on elsewhere with others.
        @Test func aBalancedRunIsResumed() throws {
            let training = Training.all[0].arguments
            let whole = try Workbench().train(training)
            let bench = try Workbench()
            let command = Workbench.training + training + ["--quiet", "--balance", "--out", "run"]
            let parts: [(way: Way, arguments: [String], exitCode: Int32)] = [
                (Self.way(3, "1,4,2@5", "hosts:2,1"), command + ["--stop-after", "7steps"], 75),
                (
                    Way(workers: 2, environment: ["LOCKSTEP_BALANCE": "5,1"]),
                    ["resume", "run", "--stop-after", "4steps"], 75
                ),
                (Self.way(2, "1,3@12"), ["resume", "run"], 0),
            ]
            for (way, arguments, exitCode) in parts {
                let result = try bench.run(
                    arguments + (way.workers.map { ["--workers", "\($0)"] } ?? []), ranks: way.ranks,
                    environment: way.environment)
                #expect(result.exitCode == exitCode && !result.timedOut, "\(result)")
            }
            let record = try RunRecord("run", in: bench.folder)
            #expect(record.summary == whole.summary && record.metrics == whole.metrics)
            #expect(record.checkpoint == whole.checkpoint)
            let lines = String(decoding: record.configuration, as: UTF8.self)
            #expect(
                lines.replacingOccurrences(of: "balance: true\n", with: "")
                    == String(decoding: whole.configuration, as: UTF8.self))
            #expect(lines.contains("balance: true\n"))
        }

        /// What is measured depends on the machine, the bits do not. Measuring takes 0.25 s of steps.
        @Test(
            arguments: [Way(workers: 2)]
                + (Program.hasRanks ? [Way(ranks: 2, environment: ["LOCKSTEP_TRANSPORT": "hosts:1"])] : []))
        func measuredDivisions(way: Way) throws {
            let training = [
                "--model", "dense 512, relu, dense 512, relu, dense 10", "--batch-size", "200", "--epochs", "100",
            ]
            let expected = try Workbench().train(training, as: Way(workers: 2))
            let bench = try Workbench()
            let record = try bench.train(training + ["--balance"], as: way)
            #expect(record.summary == expected.summary && record.metrics == expected.metrics)
            let found = try #require(try balance(bench), "the run was too short to be measured")
            #expect(found.grains.count == 2 && found.grains.reduce(0, +) == 25 && found.grains.allSatisfy { $0 > 0 })
            #expect(abs(found.parameters.reduce(0, +) - 1) < 0.01)
            #expect(found.samplesPerSecond?.count == 2 && found.samplesPerSecond?.allSatisfy { $0 > 0 } == true)
            #expect(try #require(found.predictedGain) >= 1 && found.afterStep > 0)
        }

        @Test func theDivisionIsShown() throws {
            let bench = try Workbench()
            let result = try bench.run(
                Workbench.training + ["--workers", "3", "--out", "run"], isQuiet: false,
                environment: ["LOCKSTEP_BALANCE": "1,2,1@4"])
            #expect(result.exitCode == 0)
            #expect(
                result.standardOutput.contains("balance: grains 2 4 2 of 8, as LOCKSTEP_BALANCE says\n"), "\(result)")
        }

        /// A sweep's group takes its part of the job's speeds.
        @Test func trialsOfASweepAreBalanced() throws {
            let file = """
                method: grid
                metric: {name: test_accuracy, goal: maximize}
                parameters:
                  dataset: {value: ./data}
                  hidden_size: {value: 16}
                  family: {value: mlp}
                  seed: {values: [1, 2]}
                  epochs: {value: 1}
                """
            let bench = try Workbench()
            try bench.folder.write(file.utf8, to: "sweep.yaml")
            for (out, environment) in [("even", [:]), ("uneven", ["LOCKSTEP_BALANCE": "1,3,1,3"])] {
                let result = try bench.run(
                    ["sweep", "sweep.yaml", "--out", out, "--workers", "4", "--ranks-per-trial", "2"],
                    environment: environment)
                #expect(result.exitCode == 0, "\(result)")
            }
            let (even, uneven) = (try bench.trials(in: "even"), try bench.trials(in: "uneven"))
            #expect(even.count == 2 && even.map(\.parametersSHA256) == uneven.map(\.parametersSHA256))
            for trial in uneven { #expect(try balance(bench, "uneven/\(trial.folder)")?.grains == [2, 6]) }
        }

        @Test(arguments: ["3", "1,2,x", "1,0,2", "1,2,3,4", "1,2,3@", "pigeons"])
        func otherTextsAreRefused(text: String) throws {
            let result = try Workbench().run(
                Workbench.training + ["--workers", "3", "--out", "run"], environment: ["LOCKSTEP_BALANCE": text])
            #expect(result.exitCode == 64, "\(result)")
            #expect(result.standardError.hasPrefix("lockstep: LOCKSTEP_BALANCE=\(text): "), "\(result)")
            #expect(result.standardError.count { $0 == "\n" } == 1)
        }
    }
}
