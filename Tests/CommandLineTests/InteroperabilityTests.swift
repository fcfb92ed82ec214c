import Checkpoints
import Foundation
import Testing

extension CommandLineTests {
    @Suite struct Interoperability {
        private func json<Document: Decodable>(
            _ bench: Workbench, _ arguments: [String], ranks: Int? = nil
        ) throws -> Document {
            let result = try bench.run(arguments + ["--json"], ranks: ranks)
            try #require(result.exitCode == 0 && result.standardError == "", "\(result)")
            // One document and nothing else, or this throws.
            return try JSONDecoder().decode(Document.self, from: Data(result.standardOutput.utf8))
        }

        private func refuse(_ bench: Workbench, _ arguments: [String], _ code: Int32, _ fragment: String) throws {
            let result = try bench.run(arguments)
            #expect(result.exitCode == code && result.standardOutput == "", "\(result)")
            #expect(result.standardError.contains(fragment), "\(result.standardError)")
        }

        struct Written: Decodable {
            let file: String
            let byteCount: Int
            let sampleCount: Int?
        }

        struct Score: Decodable, Equatable {
            let loss: Double
            let accuracy: Double
            let balancedAccuracy: Double
        }

        /// A program and its subcommands, as they describe themselves.
        private struct Description: Decodable {
            struct Command: Decodable {
                let commandName: String
                let subcommands: [Command]?
                let arguments: [Argument]?

                /// The paths of commands that do something, with their options.
                func leaves(_ path: [String] = []) -> [(path: String, options: Set<String>)] {
                    let path = path + [commandName]
                    guard let subcommands, !subcommands.isEmpty else {
                        let names = (arguments ?? []).flatMap { $0.names ?? [] }.map(\.name)
                        return [(path.dropFirst().joined(separator: " "), Set(names))]
                    }
                    return subcommands.flatMap { $0.leaves(path) }
                }
            }

            struct Argument: Decodable {
                struct Name: Decodable {
                    let name: String
                }

                let names: [Name]?
            }

            let command: Command
        }

        @Test("all commands that print results print them as JSON, too") func everyCommandHasJSON() throws {
            let text = try Program.run(["--experimental-dump-help"], folder: TemporaryFolder()).standardOutput
            let commands = try JSONDecoder().decode(Description.self, from: Data(text.utf8)).command.leaves()
            #expect(commands.count > 20)
            // A server, and the help itself, have no results.
            #expect(commands.filter { !$0.options.contains("json") }.map(\.path).sorted() == ["help", "serve"])
        }

        struct Converted: Decodable {
            struct Part: Decodable, Equatable {
                let name: String
                let sampleCount: Int
            }

            let parts: [Part]
            let shape: [Int]
            let classCount: Int
        }

        @Test func commandsOfDataSpeakJSON() throws {
            let bench = try Workbench()
            let converted: Converted = try json(bench, ["data", "convert", "./data", "--format", "npz", "-o", "npz"])
            #expect(converted.parts == [.init(name: "train", sampleCount: 600), .init(name: "test", sampleCount: 100)])
            #expect(converted.shape == [8, 8, 1] && converted.classCount == SmallDataset.classCount)
            let split: Converted = try json(bench, ["data", "split", "./data", "--validation", "0.25", "-o", "split"])
            #expect(split.parts.map(\.sampleCount) == [450, 150, 100])
            let blocks = try bench.run(["explain", "--json"])
            let equations = try #require(
                JSONSerialization.jsonObject(with: Data(blocks.standardOutput.utf8)) as? [[String: Any]]
            ).compactMap { $0["equations"] as? [[String: Any]] }.joined()
            // The published total error of the example.
            #expect(equations.contains { ($0["value"] as? Double).map { abs($0 - 0.298371109) < 1e-9 } ?? false })
        }

        struct Point: Decodable {
            let split: String
            let gradientNorm: Double?
            let weightNorm: Double?
        }

        /// Plain gradient descent with two learning rates, one step from the same weights: what they differ by is the gradient.
        @Test func normsOfGradientsAndWeights() throws {
            let bench = try Workbench()
            var weights: [[Float]] = []
            var points: [Point] = []
            for rate in ["0.5", "0.25"] {
                let record = try bench.train(
                    ["--optimizer", "sgd", "--learning-rate", rate, "--batch-size", "600", "--epochs", "1"], out: rate)
                let checkpoint = try Checkpoint(contentsOf: "\(bench.folder.path)/\(record.summary.checkpoint)")
                weights.append(
                    checkpoint.tensors.filter { $0.name.hasSuffix(".weight") || $0.name.hasSuffix(".bias") }
                        .flatMap { tensor in
                            tensor.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
                        })
                let line = try #require(bench.folder.text("\(rate)/metrics.jsonl").split(separator: "\n").first)
                points.append(try JSONDecoder().decode(Point.self, from: Data(line.utf8)))
            }
            func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
            let gradient = zip(weights[0], weights[1]).map { (Double($1) - Double($0)) / 0.25 }
            // Weights of up to 1 are rounded by 2⁻²⁴ at most, a few thousand of them.
            for point in points {
                #expect(abs(try #require(point.gradientNorm) - norm(gradient)) < 1e-4)
            }
            for (point, weights) in zip(points, weights) {
                #expect(abs(try #require(point.weightNorm) - norm(weights.map(Double.init))) < 1e-9)
            }
        }

        @Test(arguments: ["onnx", "safetensors", "npz", "csv"]) func exports(format: String) throws {
            let bench = try Workbench()
            _ = try bench.train()
            let written: Written = try json(bench, ["export", "run", "--format", format])
            #expect(written.file == "run.\(format)")
            #expect(try bench.folder.read(written.file).count == written.byteCount && written.byteCount > 0)
            guard format == "safetensors" else { return }
            let (run, copy): (Score, Score) = (
                try json(bench, ["evaluate", "run"]),
                try json(bench, ["evaluate", written.file, "--dataset", "./data"])
            )
            #expect(run == copy)
            try refuse(bench, ["export", written.file, "--format", "safetensors"], 73, "is the checkpoint itself")
        }

        @Test func exportsPredictions() throws {
            let bench = try Workbench()
            let summary = try bench.train().summary
            let written: Written = try json(bench, ["export", "run", "--format", "csv", "--predictions", "test"])
            let rows = try bench.folder.text(written.file).split(separator: "\n").map { $0.split(separator: ",") }
            #expect(written.sampleCount == 100 && rows.count == 101 && rows[0].count == 3 + 2 * SmallDataset.classCount)
            let rightCount = rows.dropFirst().count { $0[1] == $0[2] }
            #expect(Double(rightCount) / 100 == summary.testAccuracy)
            try refuse(bench, ["export", "run", "--format", "onnx", "--predictions", "test"], 64, "--predictions")
            try refuse(bench, ["export", "run", "--format", "csv", "--input", "unit"], 64, "--format onnx")
        }

        struct Guess: Decodable {
            let file: String
            let index: Int
            let `class`: Int
            let probability: Float
        }

        @Test func predicts() throws {
            let bench = try Workbench()
            let summary = try bench.train().summary
            let file = "data/t10k-images-idx3-ubyte"
            let guesses: [Guess] = try json(bench, ["predict", "run", file])
            let labels = SmallDataset().test.labels
            #expect(guesses.map(\.index) == Array(0..<100))
            let rightCount = zip(guesses, labels).count { $0.class == Int($1) }
            #expect(Double(rightCount) / 100 == summary.testAccuracy)
            // The first sample as a picture gives the same.
            let pixels = SmallDataset().test.images.prefix(64)
            try bench.folder.write(Array("P5 8 8 255\n".utf8) + pixels, to: "one.pgm")
            let one: [Guess] = try json(bench, ["predict", "run", "one.pgm"])
            #expect(one.map(\.probability) == [guesses[0].probability] && one[0].class == guesses[0].class)
            let csv = try bench.run(["predict", "run", "one.pgm", file, "--csv"])
            #expect(csv.exitCode == 0 && csv.standardOutput.split(separator: "\n").count == 102, "\(csv)")
            let text = try bench.run(["predict", "run", "one.pgm"])
            #expect(text.exitCode == 0 && text.standardOutput.contains("one.pgm: "), "\(text)")
        }

        @Test func picturesOfAnotherSize() throws {
            let bench = try Workbench()
            _ = try bench.train()
            try bench.folder.write(Array("P2 2 1 9 0 9\n".utf8), to: "wide.pgm")
            try refuse(bench, ["predict", "run", "wide.pgm"], 65, "1 × 2 pixels, but")
            try refuse(bench, ["predict", "run", "none.png"], 66, "none.png: no such file")
            let guesses: [Guess] = try json(bench, ["predict", "run", "wide.pgm", "--resize", "--invert"])
            #expect(guesses.count == 1)
        }

        struct Comparison: Decodable {
            struct Divergence: Decodable { let step: Int }
            struct Setting: Decodable { let name: String }
            struct Paired: Decodable {
                struct Test: Decodable { let onlyFirst, onlySecond: Int }

                let sampleCount, bothRight, bothWrong: Int
                let mcNemar: Test
            }

            let sameBits: Bool
            let divergence: Divergence?
            let settings: [Setting]
            let paired: Paired?
        }

        @Test(arguments: [nil] + (Program.hasRanks ? [2] : [])) func compares(ranks: Int?) throws {
            let bench = try Workbench()
            let first = try bench.train(["--hash-every", "4"], out: "a").summary
            _ = try bench.train(["--hash-every", "4"], as: Way(workers: 3), out: "b")
            let other = try bench.train(["--hash-every", "4", "--learning-rate", "0.01"], out: "c").summary
            let same: Comparison = try json(bench, ["compare", "a", "b"], ranks: ranks)
            #expect(same.sameBits && same.divergence == nil && same.settings.isEmpty)
            let different: Comparison = try json(bench, ["compare", "a", "c"], ranks: ranks)
            #expect(!different.sameBits && different.divergence?.step == 4)
            #expect(different.settings.map(\.name) == ["learning-rate"])
            let paired = try #require(different.paired)
            #expect(paired.sampleCount == 100)
            let right = (paired.bothRight + paired.mcNemar.onlyFirst, paired.bothRight + paired.mcNemar.onlySecond)
            #expect(first.testAccuracy == Double(right.0) / 100 && other.testAccuracy == Double(right.1) / 100)
            let text = try bench.run(["compare", "a", "c"])
            #expect(text.exitCode == 0 && text.standardOutput.contains("they differ after step 4, epoch 1"), "\(text)")
        }

        /// TensorBoard's files belong to a run: replaced with it, left out when told so.
        @Test func eventFiles() throws {
            let bench = try Workbench()
            _ = try bench.train()
            func files() throws -> [String] {
                try FileManager.default.contentsOfDirectory(atPath: "\(bench.folder.path)/run/tensorboard")
            }
            #expect(try files().count == 1)
            _ = try bench.train(["--overwrite", "--no-tensorboard"])
            #expect(try files().isEmpty)
            let written = try bench.run(["export", "run", "--format", "tensorboard", "-o", "events"])
            #expect(written.exitCode == 0, "\(written)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(bench.folder.path)/events").count == 1)
        }
    }
}
