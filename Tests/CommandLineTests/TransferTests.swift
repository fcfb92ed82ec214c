import Checkpoints
import Foundation
import Testing

extension CommandLineTests {
    /// `--initial-weights`, from run to run.
    @Suite struct Transfer {
        private static let model = ["--model", "dense 24, batchnorm, relu, dense 10"]

        private static func checkpoint(_ bench: Workbench, _ record: RunRecord) throws -> Checkpoint {
            try Checkpoint(contentsOf: "\(bench.folder.path)/\(record.summary.checkpoint)")
        }

        /// With steps so small that nothing moves, what comes out is what went in.
        @Test(arguments: Evaluate.ways) func aRunBeginsWithAnothersWeights(way: Way) throws {
            let bench = try Workbench()
            let first = try bench.train(["--model", SmallDataset.model])
            let still = ["--optimizer", "sgd", "--learning-rate", "1e-30", "--epochs", "1", "--seed", "3"]
            let second = try bench.train(
                still + ["--initial-weights", first.summary.checkpoint], as: way, out: "second")
            #expect(second.summary.parametersSHA256 == first.summary.parametersSHA256)
            #expect(second.summary.testLoss == first.summary.testLoss)
            let drawn = try bench.train(still, as: way, out: "drawn")
            #expect(drawn.summary.parametersSHA256 != first.summary.parametersSHA256)
        }

        /// Running statistics too, on every worker; the frozen layer stays; `config.yaml` repeats the run.
        @Test func someLayersFrozen() throws {
            let bench = try Workbench()
            let first = try bench.train(Self.model)
            let old = try Self.checkpoint(bench, first)
            var records: [RunRecord] = []
            for (index, way) in Evaluate.ways.enumerated() {
                let arguments = [
                    "--seed", "3", "--initial-weights", first.summary.checkpoint, "--initial-layers", "0, batchnorm",
                    "--layers", "0: frozen",
                ]
                records.append(try bench.train(Self.model + arguments, as: way, out: "run-\(index)"))
            }
            for record in records.dropFirst() {
                #expect(record.checkpoint == records[0].checkpoint && record.metrics == records[0].metrics)
            }
            let new = try Self.checkpoint(bench, records[0])
            for name in ["0.weight", "0.bias"] { #expect(new[name] == old[name]) }
            for name in ["1.weight", "1.running_mean", "3.weight"] { #expect(new[name] != old[name]) }
            let repeated = try bench.record(
                ["train", "run-0/config.yaml", "--quiet", "--out", "again"], as: Way(workers: 2), out: "again")
            #expect(repeated.checkpoint == records[0].checkpoint)
        }

        /// The file is not needed any more, and its hash stays with the run.
        @Test func aStoppedRunGoesOnWithoutTheFile() throws {
            let bench = try Workbench()
            let first = try bench.train(Self.model)
            let arguments = Self.model + ["--seed", "3", "--initial-weights", "weights"]
            try bench.folder.write(try bench.folder.read(first.summary.checkpoint), to: "weights")
            let whole = try bench.train(arguments, out: "whole")
            let words = Workbench.training + ["--quiet", "--out", "parts", "--stop-after", "7steps"] + arguments
            #expect(try bench.run(words).exitCode == 75)
            try FileManager.default.removeItem(atPath: "\(bench.folder.path)/weights")
            let resumed = try bench.record(["resume", "parts", "--quiet"], as: Way(workers: 3), out: "parts")
            #expect(resumed.checkpoint == whole.checkpoint)
            let metadata = try Self.checkpoint(bench, resumed).metadata
            var hasher = ParametersHasher()
            hasher.update(bytes: [UInt8](first.checkpoint))
            #expect(metadata[MetadataKey.initialWeightsSHA256] == hasher.finish())
            #expect(metadata[MetadataKey.configuration]?.contains("initial-weights") == false)
        }

        @Test func whatTheModelHasNoPlaceForIsToldOnce() throws {
            let bench = try Workbench()
            let first = try bench.train(Self.model)
            let words =
                Workbench.training + ["--model", "dense 24, relu, dense 10", "--out", "second", "--workers", "2"]
            let taken = ["--initial-weights", first.summary.checkpoint, "--initial-layers", "0"]
            let result = try bench.run(words + taken)
            #expect(result.exitCode == 0, "\(result)")
            let lines = result.allOutput.split(separator: "\n").filter { $0.contains("has no place for") }
            #expect(lines.count == 1 && lines[0].contains("\"1.weight\""), "\(result)")
        }

        @Test(arguments: BadInputs.ways) func whatDoesNotFitIsRefused(ranks: Int?) throws {
            let bench = try Workbench()
            let file = try bench.train(Self.model).summary.checkpoint
            let cases: [(arguments: [String], exitCode: Int32, fragments: [String])] = [
                (["--initial-weights", "nothing"], 66, ["nothing: "]),
                (["--initial-layers", "0"], 64, ["--initial-layers"]),
                (["--initial-weights", ""], 64, ["--initial-weights is empty"]),
                (["--initial-weights", "data/train-images-idx3-ubyte"], 65, ["not a safetensors file"]),
                (
                    ["--initial-weights", file, "--model", "dense 20, relu, dense 10"], 65,
                    ["\"0.weight\"", "[24, 64]", "[20, 64]"]
                ),
                (["--initial-weights", file, "--initial-layers", "7"], 65, ["\"7\" meets no tensor"]),
            ]
            for (arguments, exitCode, fragments) in cases {
                let result = try bench.run(
                    Workbench.training + ["--out", "bad"] + arguments, ranks: ranks, environment: BadInputs.endsAtOnce)
                #expect(result.exitCode == exitCode, "\(result)")
                let text = result.standardError
                #expect(text.hasPrefix("lockstep: ") && text.count { $0 == "\n" } == 1, "\(text)")
                for fragment in fragments { #expect(text.contains(fragment), "\(text)") }
                #expect(!bench.folder.exists("bad"))
            }
        }
    }
}
