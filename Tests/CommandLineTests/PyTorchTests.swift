import Foundation
import Kernels
import Testing
import Training

extension CommandLineTests {
    /// Files from Lockstep to PyTorch and back, with what the networks in them give for 1,000 images.
    @Suite(.enabled(if: Program.hasTorch, "needs Python's torch, numpy and safetensors")) struct PyTorch {
        static let models = [
            "dense 24, relu, dense 16, gelu, dense 10", "dense 24, batchnorm, relu, dense 10",
            "conv 8 3x3 padding same, batchnorm, relu, maxpool 2, conv 12 3x3, relu, flatten, dense 20, relu, dense 10",
            "conv 6 3x3, flatten, batchnorm, layernorm, dense 10",
        ]

        private struct Comparison: Decodable {
            let samples: Int
            let difference: Float
            let greatest: Float
            let sameClasses: Int
            let counters: [String: Int]
        }

        private let bench: Workbench
        private let images: [UInt8]

        init() throws {
            var dataset = SmallDataset()
            dataset.test = SmallDataset.Part(count: 1_000, firstIndex: 600)
            images = dataset.test.images
            bench = try Workbench(dataset)
            try bench.folder.write(images, to: "images")
        }

        private func python(_ script: String, _ arguments: [String]) throws -> Data {
            let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Python/\(script)").path
            let result = try Program.run(
                [path] + arguments, binary: try #require(Program.python), folder: bench.folder, withinSeconds: 120)
            guard result.exitCode == 0 else { throw TestError("\(result)") }
            return Data(result.standardOutput.utf8)
        }

        /// Lockstep's outputs for all images.
        private func logits(_ checkpoint: String) throws -> [Float] {
            let kernels = try KernelSelection.select(environment: ProcessInfo.processInfo.environment)
            let predictor = try Predictor(checkpoint: "\(bench.folder.path)/\(checkpoint)", kernels: kernels)
            return try stride(from: 0, to: images.count, by: 64).flatMap {
                try predictor.outputs(Array(images[$0..<$0 + 64]))
            }
        }

        @Test(arguments: models) func pyTorchGivesOurOutputs(model: String) throws {
            let file = try bench.train(["--model", model, "--accumulate", "3"]).summary.checkpoint
            try bench.folder.write(try logits(file).withUnsafeBytes { [UInt8]($0) }, to: "logits")
            let output = try python("check_logits.py", [file, "images", "logits"])
            let comparison = try JSONDecoder().decode(Comparison.self, from: output)
            #expect(comparison.samples == 1_000 && comparison.sameClasses == 1_000)
            #expect(comparison.difference <= 1e-5 * comparison.greatest, "\(comparison)")
            // Two epochs of ten batches.
            #expect(comparison.counters.count == model.components(separatedBy: "batchnorm").count - 1)
            #expect(comparison.counters.values.allSatisfy { $0 == 20 })
        }

        /// A step so small that no parameter moves; running statistics do, so that there are none here.
        @Test(arguments: models.filter { !$0.contains("batchnorm") } + ["conv 8 3x3, relu, maxpool 2, dense 10"])
        func weGivePyTorchsOutputs(model: String) throws {
            _ = try python("save_torch.py", [model, "8x8", "images", "weights", "theirs"])
            let run = try bench.train([
                "--model", model, "--initial-weights", "weights", "--optimizer", "sgd", "--learning-rate", "1e-30",
                "--steps", "1",
            ])
            let theirs = try bench.folder.read("theirs").withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
            let ours = try logits(run.summary.checkpoint)
            try #require(ours.count == theirs.count && ours.count == 10_000)
            let greatest = theirs.reduce(0) { max($0, abs($1)) }
            #expect(zip(ours, theirs).allSatisfy { abs($0 - $1) <= 1e-5 * greatest })
        }

        /// All kinds of layers, running statistics included.
        @Test(arguments: models) func aFileOfPyTorchsTrainsOn(model: String) throws {
            _ = try python("save_torch.py", [model, "8x8", "images", "weights", "theirs"])
            let run = try bench.train([
                "--model", model, "--initial-weights", "weights", "--epochs", "6", "--learning-rate", "0.01",
            ])
            #expect(run.summary.trainAccuracy ?? 0 > 0.5, "\(run.summary)")
        }
    }
}
