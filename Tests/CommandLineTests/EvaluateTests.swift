import Checkpoints
import Foundation
import Testing

extension CommandLineTests {
    @Suite struct Evaluate {
        static let ways =
            [Way(workers: 1), Way(workers: 3)]
            + (Program.hasRanks ? [Way(ranks: 2), Way(ranks: 2, environment: ["LOCKSTEP_TRANSPORT": "messages"])] : [])

        struct Report: Decodable, Equatable {
            let dataset: String
            let split: String
            let loss: Double
            let accuracy: Double?
            let isAverage: Bool
            let confusionMatrix: [[Int]]?
        }

        private func evaluate(_ bench: Workbench, _ arguments: [String], _ way: Way) throws -> Report {
            let result = try bench.run(
                ["evaluate", "--json"] + arguments + (way.workers.map { ["--workers", "\($0)"] } ?? []),
                ranks: way.ranks, environment: way.environment)
            try #require(result.exitCode == 0, "\(result)")
            // One document and nothing else, or this throws.
            return try JSONDecoder().decode(Report.self, from: Data(result.standardOutput.utf8))
        }

        /// Equal to the last digit: both are the shortest text that reads back to one Double.
        @Test(arguments: ways) func givesTheRunsOwnResult(way: Way) throws {
            let bench = try Workbench()
            let summary = try bench.train(["--epochs", "4"]).summary
            for arguments in [["run"], [summary.checkpoint], [summary.checkpoint, "--dataset", "./data"]] {
                let report = try evaluate(bench, arguments, way)
                #expect(report.loss == summary.testLoss && report.accuracy == summary.testAccuracy)
                #expect(report.split == "test" && report.dataset == "data")
                try checkMatrix(report, SmallDataset().test.labels)
            }
            let train = try evaluate(bench, ["run", "--split", "train"], way)
            try checkMatrix(train, SmallDataset().train.labels)
            #expect(train.split == "train" && train.loss != summary.testLoss)
        }

        /// The moving average is what a run evaluates and what its checkpoint is evaluated by; the hash is of the weights.
        @Test(arguments: ways) func takesTheMovingAverage(way: Way) throws {
            let bench = try Workbench()
            let plain = try bench.train(["--epochs", "2"], out: "plain").summary
            let averaged = try bench.train(["--epochs", "2", "--average", "0.9"]).summary
            #expect(averaged.parametersSHA256 == plain.parametersSHA256)
            #expect(averaged.testLoss != plain.testLoss)
            let report = try evaluate(bench, ["run"], way)
            #expect(report.loss == averaged.testLoss && report.isAverage)
            #expect(try !evaluate(bench, ["plain"], way).isAverage)
        }

        /// Averaged weights are evaluated with averaged statistics: `a ← fma(s − a, 1 − decay, a)`, from the first step's on.
        @Test func averagesRunningStatistics() throws {
            let bench = try Workbench()
            let decay = 0.8
            let training = [
                "--model", "dense 12, batchnorm, relu, dense 10", "--epochs", "1", "--average", "\(decay)",
                "--checkpoint-every", "1steps", "--keep-checkpoints", "10",
            ]
            let summary = try bench.train(training, as: Way(workers: 2)).summary
            for name in ["1.running_mean", "1.running_var"] {
                var average: [Float]?
                for step in 1...10 {
                    let number = step < 10 ? "0\(step)" : "\(step)"
                    let path = bench.folder.path + "/run/checkpoints/step-0000\(number).safetensors"
                    let checkpoint = try Checkpoint(contentsOf: path)
                    let now: [Float] = try #require(checkpoint[name]).values()
                    average = average.map { zip($0, now).map { $0.addingProduct($1 - $0, Float(1 - decay)) } } ?? now
                    let kept: [Float] = try #require(checkpoint["state/average/\(name)"]).values()
                    #expect(kept == average && (step == 1) == (kept == now), "\(name) after step \(step)")
                }
            }
            let report = try evaluate(bench, ["run"], Way(workers: 1))
            #expect(report.loss == summary.testLoss && report.accuracy == summary.testAccuracy && report.isAverage)
            // The same as a checkpoint that has the averages, of weights and statistics, in place of the last values.
            let last = try Checkpoint(contentsOf: "\(bench.folder.path)/\(summary.checkpoint)")
            let tensors = last.tensors.filter { !$0.name.hasPrefix("state/average/") }.map { tensor in
                guard let average = last["state/average/\(tensor.name)"] else { return tensor }
                return Checkpoint.Tensor(tensor.name, average.shape, .float32, bytes: average.bytes)
            }
            var plain = Checkpoint(tensors: tensors, metadata: last.metadata)
            plain.metadata[MetadataKey.parametersSHA256] = plain.parametersSHA256
            try bench.folder.write(plain.encoded(path: "plain").flatMap { $0 }, to: "plain.safetensors")
            let other = try evaluate(bench, ["plain.safetensors", "--dataset", "./data"], Way(workers: 1))
            #expect(other.loss == report.loss && other.accuracy == report.accuracy && !other.isAverage)
        }

        private func checkMatrix(_ report: Report, _ labels: [UInt8]) throws {
            let matrix = try #require(report.confusionMatrix)
            let counts = (0..<SmallDataset.classCount).map { label in labels.count { $0 == UInt8(label) } }
            try #require(matrix.count == counts.count && matrix.allSatisfy { $0.count == counts.count })
            #expect(matrix.map { $0.reduce(0, +) } == counts)
            let correct = matrix.indices.reduce(0) { $0 + matrix[$1][$1] }
            #expect(report.accuracy == Double(correct) / Double(labels.count))
        }

        @Test func theTableNamesLossAndAccuracy() throws {
            let bench = try Workbench()
            _ = try bench.train()
            let result = try bench.run(["evaluate", "run"])
            #expect(result.exitCode == 0 && result.standardError == "", "\(result)")
            let lines = result.standardOutput.split(separator: "\n")
            #expect(lines.count == 3 + SmallDataset.classCount, "\(result.standardOutput)")
            #expect(lines.first?.contains("100 samples, loss ") == true && !result.standardOutput.contains("\u{1B}"))
        }

        private static let damages: [@Sendable (inout [UInt8]) -> Void] = [
            { $0[$0.count - 100] ^= 1 }, { $0.removeLast() }, { $0.append(0) }, { $0[0] ^= 0x80 }, { $0[7] = 0x7F },
            { $0.removeAll() },
        ]

        @Test(arguments: damages.indices, BadInputs.ways) func damagedCheckpoints(damage: Int, ranks: Int?) throws {
            let bench = try Workbench()
            let file = try bench.train().summary.checkpoint
            var bytes = Array(try bench.folder.read(file))
            Self.damages[damage](&bytes)
            try bench.folder.write(bytes, to: file)
            try refuse(bench, ["run"], ranks, 65, [file])
        }

        /// Images of 8×4.
        @Test(arguments: BadInputs.ways) func dataOfAnotherShape(ranks: Int?) throws {
            let bench = try Workbench()
            _ = try bench.train()
            for (part, count) in [("train", UInt32(600)), ("t10k", 100)] {
                let pixels = [UInt8](repeating: 9, count: Int(count) * 32)
                try bench.folder.write(
                    SmallDataset.header([count, 8, 4]) + pixels, to: "data/\(part)-images-idx3-ubyte")
            }
            try refuse(bench, ["run"], ranks, 65, ["64", "32"])
        }

        @Test(arguments: BadInputs.ways) func dataOfOtherClasses(ranks: Int?) throws {
            let bench = try Workbench()
            _ = try bench.train()
            var dataset = SmallDataset()
            for index in dataset.train.labels.indices { dataset.train.labels[index] %= 4 }
            for index in dataset.test.labels.indices { dataset.test.labels[index] %= 4 }
            try dataset.write(to: "fewer", in: bench.folder)
            try refuse(bench, ["run", "--dataset", "./fewer"], ranks, 65, ["10 classes", "4 classes"])
        }

        private func refuse(
            _ bench: Workbench, _ arguments: [String], _ ranks: Int?, _ exitCode: Int32, _ fragments: [String]
        ) throws {
            let result = try bench.run(
                ["evaluate"] + arguments, ranks: ranks, environment: BadInputs.endsAtOnce,
                withinSeconds: 20)
            #expect(result.exitCode == exitCode && !result.timedOut, "\(result)")
            let text = result.standardError
            #expect(text.hasPrefix("lockstep: ") && text.hasSuffix("\n") && text.count { $0 == "\n" } == 1, "\(text)")
            for fragment in fragments { #expect(text.contains(fragment)) }
            #expect(result.standardOutput == "")
        }
    }
}
