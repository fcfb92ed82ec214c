import Checkpoints
import Foundation
import Testing

extension CommandLineTests {
    /// Networks that predict columns of a table.
    @Suite struct Regression {
        struct Scores: Decodable, Equatable {
            let mse: Double
            let rmse: Double
            let mae: Double
            private let knownR2: Double?
            /// A single row has none.
            var r2: Double { knownR2 ?? .nan }

            enum CodingKeys: String, CodingKey {
                case mse, rmse, mae
                case knownR2 = "r2"
            }
        }

        struct Point: Decodable {
            let split: String
            let loss: Double
            let accuracy: Double?
            let scores: Scores?
        }

        struct Summary: Decodable, Equatable {
            let parametersSHA256: String
            let trainLoss: Double
            let validationLoss: Double?
            let testLoss: Double
            let testAccuracy: Double?
            let validationScores: Scores?
            let testScores: Scores?
            let checkpoint: String
        }

        struct Report: Decodable {
            struct Column: Decodable {
                let name: String
                let scores: Scores
            }

            let sampleCount: Int
            let loss: Double
            let accuracy: Double?
            let scores: Scores?
            let columns: [Column]?
        }

        /// Twenty steps by PyTorch in float64 and scikit-learn's scores: Tests/Fixtures/regression.py.
        private struct Golden: Decodable {
            struct Case: Decodable {
                let loss: String
                let trainLosses: [Double]
                let testLoss: Double
                let final: [String: [Double]]
                let predictions: [Double]
                let scores: Scores
                let columns: [Scores]
            }

            let steps: Int
            let learningRate: Double
            let features: Int
            let targets: Int
            let hidden: Int
            let train: [[Double]]
            let test: [[Double]]
            let initial: [String: [Int]]
            let cases: [Case]

            static let shared: Golden = {
                let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
                    path: "../Fixtures/regression.json")
                do { return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file)) } catch {
                    fatalError("\(file.path): \(error)")
                }
            }()

            func shape(_ tensor: String) -> [Int] {
                switch tensor {
                case "0.weight": [hidden, features]
                case "2.weight": [targets, hidden]
                default: [tensor == "0.bias" ? hidden : targets]
                }
            }
        }

        private let bench: Workbench

        init() throws { bench = try Workbench(existing: TemporaryFolder()) }

        private func json<Document: Decodable>(_ arguments: [String], ranks: Int? = nil) throws -> Document {
            let result = try bench.run(arguments + ["--json"], ranks: ranks)
            try #require(result.exitCode == 0 && result.standardError == "", "\(result)")
            return try JSONDecoder().decode(Document.self, from: Data(result.standardOutput.utf8))
        }

        private func refuse(_ arguments: [String], _ code: Int32, _ fragment: String) throws {
            let result = try bench.run(arguments)
            #expect(result.exitCode == code && result.standardOutput == "", "\(result)")
            #expect(result.standardError.contains(fragment), "\(result.standardError)")
        }

        private func write(_ text: String, to name: String) throws {
            try bench.folder.write(Array(text.utf8), to: name)
        }

        private static func near(_ own: Double, _ exact: Double, _ bound: Double) -> Bool {
            abs(own - exact) <= bound * max(abs(exact), 1)
        }

        @Test(arguments: ["mse", "mae"]) func trainsAsPyTorchDoes(loss: String) throws {
            let golden = Golden.shared
            let test = try #require(golden.cases.first { $0.loss == loss })
            let header = "a,b,c,d,p,q\n"
            for (name, rows) in [("train", golden.train), ("test", golden.test)] {
                let lines = rows.map { $0.map { "\($0)" }.joined(separator: ",") + "\n" }
                try write(header + lines.joined(), to: "data/\(name).csv")
            }
            let tensors = golden.initial.keys.sorted().map { name in
                Checkpoint.Tensor(
                    name, .init(golden.shape(name)), (golden.initial[name] ?? []).map { Float($0) / 256 })
            }
            let weights = try Checkpoint(tensors: tensors, metadata: Metadata()).encoded(path: "weights")
            try bench.folder.write(weights.flatMap { $0 }, to: "weights.safetensors")
            let summary: Summary = try json([
                "train", "--dataset", "./data", "--target", "p,q", "--loss", loss, "--standardize", "feature",
                "--standardize-target", "--model", "dense 8, tanh, dense 2", "--initial-weights", "weights.safetensors",
                "--optimizer", "sgd", "--learning-rate", "\(golden.learningRate)", "--batch-size", "all", "--epochs",
                "\(golden.steps)", "--out", "run", "--workers", "2",
            ])
            // Float32 against float64.
            #expect(Self.near(summary.testLoss, test.testLoss, 1e-5), "\(summary)")
            let scores = try #require(summary.testScores)
            for (own, exact) in [
                (scores.mse, test.scores.mse), (scores.rmse, test.scores.rmse), (scores.mae, test.scores.mae),
                (scores.r2, test.scores.r2),
            ] {
                #expect(Self.near(own, exact, 1e-5), "\(own), scikit-learn \(exact)")
            }
            let points = try bench.folder.text("run/metrics.jsonl").split(separator: "\n").map {
                try JSONDecoder().decode(Point.self, from: Data($0.utf8))
            }
            let losses = points.filter { $0.split == "train" }.map(\.loss)
            #expect(losses.count == test.trainLosses.count)
            for (own, exact) in zip(losses, test.trainLosses) { #expect(Self.near(own, exact, 1e-5)) }
            #expect(points.allSatisfy { $0.accuracy == nil } && summary.testAccuracy == nil)

            let trained = try Checkpoint(contentsOf: "\(bench.folder.path)/\(summary.checkpoint)")
            for (name, exact) in test.final {
                let own: [Float] = try #require(trained[name]).values()
                let largest = zip(own, exact).map { abs(Double($0) - $1) }.max() ?? 1
                #expect(own.count == exact.count && largest <= 2e-5, "\(name): \(largest)")
            }
            // A column that never changes is neither divided by 0 nor blown up by a rounding.
            let scales: [Float] = try #require(trained["state/input/scale"]).values()
            #expect(scales[1] == 1)

            let report: Report = try json(["evaluate", "run"])
            #expect(report.scores == scores && report.loss == summary.testLoss && report.accuracy == nil)
            for (own, exact) in zip(report.columns ?? [], test.columns) {
                #expect(Self.near(own.scores.r2, exact.r2, 1e-5) && Self.near(own.scores.mae, exact.mae, 1e-5))
            }
            #expect(report.columns?.map(\.name) == ["p", "q"])

            struct Row: Decodable {
                let row: Int
                let values: [String: Double]
            }
            let predictions: [Row] = try json(["predict", "run", "data/test.csv"])
            #expect(predictions.map(\.row) == Array(1...golden.test.count))
            for (row, prediction) in predictions.enumerated() {
                for (column, name) in ["p", "q"].enumerated() {
                    let exact = test.predictions[row * 2 + column]
                    #expect(Self.near(prediction.values[name] ?? .nan, exact, 1e-4), "\(exact)")
                }
            }
        }

        /// `y = 3 a − 2 b + 0.5 c + 7`, with ones and zeros for noise: the network that has the form finds it.
        private func writeLine(_ name: String = "line.csv", count: Int = 200) throws {
            var text = "id,a,b,c,y\n"
            for row in 0..<count {
                let (a, b, c) = (Double(row * 37 % 101) / 10, Double(row * 53 % 89) / 5 - 9, Double(row * 29 % 97))
                text += "\(row),\(a),\(b),\(c),\(3 * a - 2 * b + 0.5 * c + 7)\n"
            }
            try write(text, to: name)
        }

        private static let line = [
            "train", "--dataset", "line.csv", "--target", "y", "--ignore-columns", "id", "--standardize", "feature",
            "--standardize-target", "--model", "dense 1",
        ]

        @Test func findsALine() throws {
            try writeLine()
            let summary: Summary = try json(
                Self.line + ["--optimizer", "sgd", "--learning-rate", "0.1", "--epochs", "60", "--out", "run"])
            let scores = try #require(summary.testScores)
            #expect(scores.r2 > 0.999_999 && scores.rmse < 1e-3, "\(scores)")
            let run = try Checkpoint(contentsOf: "\(bench.folder.path)/\(summary.checkpoint)")
            func values(_ name: String) throws -> [Double] {
                let values: [Float] = try #require(run[name]).values()
                return values.map(Double.init)
            }
            let (weights, means, scales) = (
                try values("0.weight"), try values("state/input/mean"), try values("state/input/scale")
            )
            let (mean, scale) = (try values("state/target/mean")[0], try values("state/target/scale")[0])
            // In the columns' own units.
            let slopes = zip(weights, scales).map { $0 * $1 / scale }
            let offset = try values("0.bias")[0] / scale + mean - zip(slopes, means).reduce(0) { $0 + $1.0 * $1.1 }
            for (own, exact) in zip(slopes + [offset], [3, -2, 0.5, 7]) { #expect(abs(own - exact) < 1e-3) }
        }

        static let ways =
            [2, 3, 5].map { Way(workers: $0) }
            + (Program.hasRanks ? [Way(ranks: 2), Way(ranks: 3, environment: ["LOCKSTEP_TRANSPORT": "messages"])] : [])

        /// A short last batch and grain; metrics too.
        @Test(arguments: ["mse", "mae"]) func hasTheSameBits(loss: String) throws {
            try writeLine()
            let arguments: [String] =
                Self.line.dropLast(2)
                + [
                    "--model", "dense 24, relu, dense 16, relu, dense 1", "--loss", loss, "--batch-size", "61",
                    "--fold",
                    "2/4", "--epochs", "3", "--patience", "2", "--quiet",
                ]
            func record(_ way: Way, _ name: String) throws -> (RunRecord, Summary) {
                let record = try bench.record(arguments + ["--out", name], as: way, out: name)
                let summary = try JSONDecoder().decode(Summary.self, from: bench.folder.read("\(name)/summary.json"))
                return (record, summary)
            }
            let (alone, summary) = try record(Way(workers: 1), "alone")
            #expect(summary.validationScores != nil && summary.testScores != nil)
            for (number, way) in Self.ways.enumerated() {
                let (other, scores) = try record(way, "run\(number)")
                #expect(other.summary.parametersSHA256 == alone.summary.parametersSHA256, "\(way)")
                #expect(other.metrics == alone.metrics && other.checkpoint == alone.checkpoint, "\(way)")
                #expect(scores.testScores == summary.testScores)
            }
        }

        @Test func goesOnWithTheSameBits() throws {
            try writeLine()
            let whole: Summary = try json(Self.line + ["--epochs", "6", "--out", "whole"])
            let stopped = try bench.run(Self.line + ["--epochs", "6", "--out", "run", "--stop-after", "3epochs"])
            #expect(stopped.exitCode == 75)
            let result = try bench.run(["resume", "run"])
            #expect(result.exitCode == 0, "\(result)")
            let resumed = try JSONDecoder().decode(Summary.self, from: bench.folder.read("run/summary.json"))
            #expect(resumed.parametersSHA256 == whole.parametersSHA256 && resumed.testScores == whole.testScores)
            try refuse(
                Array(Self.line.dropLast(2)) + [
                    "--epochs", "7", "--resume", "auto", "--out", "run", "--test-split", "0.3",
                ],
                65,
                "test-split is 0.3")
        }

        @Test func otherCommandsKnowTables() throws {
            try writeLine()
            let train = try bench.run(
                Self.line + ["--epochs", "2", "--validation-split", "0.2", "--out", "run", "--workers", "1"])
            #expect(train.exitCode == 0, "\(train)")
            #expect(train.standardOutput.contains("line: 128 train, 32 validation, 40 test"))
            #expect(train.standardOutput.contains("rmse") && train.standardOutput.contains("R²"))
            #expect(!train.standardOutput.contains("ccuracy"))
            let own: Report = try json(["evaluate", "run"])
            let validation: Report = try json(["evaluate", "run", "--split", "validation"])
            #expect((own.sampleCount, validation.sampleCount) == (40, 32))
            // Another file is scored whole, whatever the order of its columns.
            try write("y,junk,c,b,a\n7,x,0,0,0\n", to: "other.csv")
            let other: Report = try json(["evaluate", "run", "--dataset", "other.csv"])
            #expect(other.sampleCount == 1)
            let named: Report = try json(["evaluate", "run", "--dataset", "line.csv"])
            #expect(named.scores == own.scores)

            let csv = try bench.run(["predict", "run", "other.csv", "--csv"])
            #expect(csv.standardOutput.hasPrefix("file,row,y\nother.csv,1,"), "\(csv)")
            try refuse(["predict", "run", "other.csv", "--invert"], 64, "--invert changes pictures")
            let exported = try bench.run(["export", "run", "--predictions", "test", "--format", "csv", "-o", "p.csv"])
            #expect(exported.exitCode == 0, "\(exported)")
            let lines = try bench.folder.text("p.csv").split(separator: "\n")
            #expect(lines.count == 41 && lines[0] == "index,target,prediction")
            for format in ["npz", "safetensors"] {
                let result = try bench.run(["export", "run", "--predictions", "test", "--format", format])
                #expect(result.exitCode == 0, "\(result)")
            }
            let graph = try bench.run(["export", "run", "--format", "onnx"])
            #expect(graph.standardOutput.contains("features → predictions"), "\(graph)")
            try refuse(["export", "run", "--format", "onnx", "--input", "bytes"], 64, "--input bytes")

            let page = try bench.run(["report", "run", "-o", "page.html"])
            #expect(page.exitCode == 0, "\(page)")
            let html = try bench.folder.text("page.html")
            #expect(html.contains("y: residuals") && html.contains("prediction over target"))
            #expect(html.contains("--standardize-target --"), "the command that trains the same again")
            #expect(!html.contains("id=\"confusion\"") && !html.contains("test accuracy"))
            let second = try bench.run(Self.line + ["--epochs", "3", "--out", "longer", "--quiet"])
            #expect(second.exitCode == 0, "\(second)")
            let compared = try bench.run(["compare", "run", "longer"])
            #expect(compared.exitCode == 0 && compared.standardOutput.contains("testRMSE"), "\(compared)")
            #expect(compared.standardOutput.contains("line test: 40 rows"), "\(compared)")
            #expect(compared.standardOutput.contains("Student's paired t test"))
            let both = try bench.run(["report", "run", "longer", "-o", "both.html"])
            #expect(both.exitCode == 0, "\(both)")
        }

        @Test(.enabled(if: Program.hasScikitLearn, "needs Python's scikit-learn")) func scoresAreScikitLearns() throws {
            try writeLine()
            let train = try bench.run(Self.line + ["--epochs", "2", "--loss", "mae", "--out", "run", "--quiet"])
            #expect(train.exitCode == 0, "\(train)")
            let report = try bench.run(["evaluate", "run", "--json"])
            try write(report.standardOutput, to: "report.json")
            let exported = try bench.run(["export", "run", "--predictions", "test", "--format", "csv", "-o", "p.csv"])
            #expect(exported.exitCode == 0, "\(exported)")
            let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
                path: "../Python/check_regression.py")
            let result = try Program.run(
                [script.path, "report.json", "p.csv"], binary: try #require(Program.python), folder: bench.folder)
            let differences = try JSONDecoder().decode([String: Double].self, from: Data(result.standardOutput.utf8))
            #expect(differences.count == 4 && differences.values.allSatisfy { $0 < 1e-12 }, "\(differences)")
        }

        @Test func sweepsOverTables() throws {
            try writeLine()
            try write(
                """
                method: grid
                metric: {name: validationLoss, goal: minimize}
                parameters:
                  dataset: {value: line.csv}
                  target: {value: y}
                  ignore-columns: {value: id}
                  standardize: {value: feature}
                  standardize-target: {value: true}
                  validation-split: {value: 0.2}
                  model: {value: "dense 4, relu, dense 1"}
                  loss: {values: [mse, mae]}
                  learning-rate: {values: [0.01, 0.1]}
                  epochs: {value: 2}

                """, to: "sweep.yaml")
            let result = try bench.run(["sweep", "sweep.yaml", "--out", "sweep"])
            #expect(result.exitCode == 0, "\(result)")
            struct List: Decodable {
                struct Trial: Decodable {
                    let state: String
                    let value: Double?
                }
                let trials: [Trial]
            }
            let list: List = try json(["sweep", "list", "sweep"])
            #expect(list.trials.count == 4 && list.trials.allSatisfy { $0.state == "finished" && $0.value != nil })
            let again = try bench.run(["train", "--from", "sweep/best", "--out", "again", "--quiet"])
            #expect(again.exitCode == 0, "\(again)")
        }

        @Test func whatHasNoMeaningIsRefused() throws {
            try writeLine()
            let table = ["train", "--dataset", "line.csv", "--target", "y", "--ignore-columns", "id"]
            for (arguments, code, fragment) in [
                (["--augment", "shift 1"], 64, "--augment has no meaning for numbers"),
                (["--stratified", "--validation-split", "0.1"], 64, "--stratified has no meaning for numbers"),
                (["--classes", "1,2"], 64, "--classes has no meaning"),
                (["--loss", "cross-entropy"], 64, "use mse or mae"), (["--loss", "bce"], 64, "use mse or mae"),
                (["--standardize", "pixel"], 64, "use feature"), (["--test-split", "0"], 64, "--test-split 0.0"),
                (["--metric", "test-accuracy"], 64, "there is no accuracy"),
                (["--model", "dense 2"], 65, "one output for each target column"),
            ] as [([String], Int32, String)] {
                try refuse(table + arguments + ["--out", "x"], code, fragment)
            }
            let base = ["train", "--out", "x", "--dataset"]
            try refuse(base + ["line.csv", "--target", "price"], 65, "line.csv: has no column \"price\"")
            try refuse(base + ["missing.csv", "--target", "y"], 66, "missing.csv: no table there")
            try refuse(base + ["mnist", "--target", "price"], 64, "--target price is unknown")
            try refuse(base + ["mnist", "--test-split", "0.2"], 64, "--test-split has no meaning without a table")
            try refuse(base + ["line.csv"], 64, "--target COLUMN")
            try write("town,a,y\nOslo,1,2\n", to: "towns.csv")
            try refuse(
                base + ["towns.csv", "--target", "y"], 65,
                "towns.csv: line 2, column 1 (town): \"Oslo\" is no number; mend the line or leave it out, or leave the column"
            )
            #expect(!bench.folder.exists("x"))
        }
    }
}
