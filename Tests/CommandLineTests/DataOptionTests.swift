import Foundation
import Testing

extension CommandLineTests {
    /// What of a data set is trained and evaluated on.
    @Suite struct DataOptions {
        private struct Report: Decodable {
            struct ErrorRate: Decodable { let wrongCount, sampleCount: Int }
            struct Writers: Decodable { let writerCount: Int }

            let dataset: String
            let split: String
            let sampleCount: Int
            let loss: Double
            let accuracy: Double?
            let confusionMatrix: [[Int]]?
            let error: ErrorRate?
            let writers: Writers?
            let series: [SeriesError]?

            struct SeriesError: Decodable {
                let group: Int
                let error: ErrorRate
            }
        }

        private func evaluate<Answer: Decodable>(
            _ bench: Workbench, _ arguments: [String], ranks: Int? = nil, as type: Answer.Type = Answer.self
        ) throws -> Answer {
            let result = try bench.run(["evaluate", "run", "--json"] + arguments, ranks: ranks)
            try #require(result.exitCode == 0, "\(result)")
            return try JSONDecoder().decode(type, from: Data(result.standardOutput.utf8))
        }

        /// What `data split` holds out is what `--validation-split` does: the same run, from files.
        @Test func aValidationPartIsUsed() throws {
            let bench = try Workbench()
            let split = try bench.train(["--validation-split", "0.2", "--metric", "validation-loss"], out: "split")
            let made = try bench.run(["data", "split", "./data", "--validation", "0.2", "-o", "parts"])
            try #require(made.exitCode == 0, "\(made)")
            let own = ["--dataset", "./parts", "--metric", "validation-loss"]
            let parts = try bench.train(own, out: "run")
            #expect(parts.summary.validationLoss != nil && parts.summary.bestEpoch != nil)
            #expect(parts.summary.parametersSHA256 == split.summary.parametersSHA256)
            #expect(parts.summary.validationLoss == split.summary.validationLoss)
            let reports: [Report] = [
                try evaluate(bench, ["--split", "validation"]),
                try evaluate(bench, ["--split", "validation", "--dataset", "./parts"]),
            ]
            for report in reports {
                #expect(report.sampleCount == 120 && report.loss == parts.summary.validationLoss)
                #expect(report.accuracy == parts.summary.validationAccuracy && report.split == "validation")
            }

            // Another validation part is other data.
            var images = try bench.folder.read("parts/validation-images-idx3-ubyte")
            images[images.count - 1] ^= 1
            try bench.folder.write(Array(images), to: "parts/validation-images-idx3-ubyte")
            let resumed = try bench.run(["resume", "run", "--epochs", "3"])
            #expect(resumed.exitCode == 65 && resumed.standardError.contains("SHA-256"), "\(resumed)")
        }

        @Test func whatARunHeldOutIsFoundAgain() throws {
            let bench = try Workbench()
            let summary = try bench.train(["--fold", "2/4", "--stratified", "--samples", "200"]).summary
            let report: Report = try evaluate(bench, ["--split", "validation"])
            #expect(report.sampleCount == 150 && report.loss == summary.validationLoss)
            let refused = try bench.run(["evaluate", "run", "--split", "validation", "--dataset", "./data"])
            #expect(refused.exitCode == 65 && refused.standardError.contains("no validation part"), "\(refused)")
        }

        /// Two classes out of ten, from the options and from files that hold only them.
        @Test(arguments: [nil] + (Program.hasRanks ? [2] : [])) func classes(ranks: Int?) throws {
            let bench = try Workbench()
            let way = ranks.map { Way(ranks: $0) } ?? Way(workers: 2)
            // Without --model there are as many outputs as classes.
            let command = ["train", "--dataset", "./data", "--epochs", "2", "--quiet", "--classes", "3,1+7"]
            let selected = try bench.record(command + ["--out", "run"], as: way, out: "run")
            let made = try bench.run(["data", "convert", "./data", "--classes", "3,1+7", "-o", "some"])
            try #require(made.exitCode == 0, "\(made)")
            let files = [
                "train", "--dataset", "./some", "--epochs", "2", "--quiet", "--model",
                "dense 128, relu, dense 64, relu, dense 2", "--out", "files",
            ]
            let expected = try bench.record(files, as: Way(workers: 1), out: "files")
            #expect(selected.summary.parametersSHA256 == expected.summary.parametersSHA256)
            #expect(selected.summary.testLoss == expected.summary.testLoss)
            let report: Report = try evaluate(bench, [], ranks: ranks)
            #expect(report.loss == selected.summary.testLoss && report.confusionMatrix?.count == 2)
            // A checkpoint alone knows its classes too.
            try bench.folder.write(Array(selected.checkpoint), to: "alone.safetensors")
            let alone = try bench.run(["evaluate", "alone.safetensors", "--dataset", "./data", "--json"])
            #expect(alone.exitCode == 0, "\(alone)")
            #expect(
                try JSONDecoder().decode(Report.self, from: Data(alone.standardOutput.utf8)).loss == report.loss)
        }

        /// Evaluation takes mean and scale from the checkpoint.
        @Test(arguments: ["pixel", "dataset"]) func standardizedWeightsAreUsedSo(kind: String) throws {
            let bench = try Workbench()
            let plain = try bench.train(out: "plain").summary
            let summary = try bench.train(["--standardize", kind]).summary
            #expect(summary.parametersSHA256 != plain.parametersSHA256)
            #expect(try evaluate(bench, [], as: Report.self).loss == summary.testLoss)
            let reports: [Report] = try evaluate(bench, ["--dataset", "./data", "--dataset", "./data"])
            #expect(reports.map(\.loss) == [summary.testLoss, summary.testLoss])
        }

        /// QMNIST's labels say who wrote what.
        @Test(arguments: [nil] + (Program.hasRanks ? [3] : [])) func errorsByWriter(ranks: Int?) throws {
            let bench = try Workbench()
            _ = try bench.train(["--epochs", "1"])
            var rows: [UInt8] = [0, 0, 0x0C, 2, 0, 0, 0, 100, 0, 0, 0, 8]
            for (sample, label) in SmallDataset().test.labels.enumerated() {
                let row = [Int(label), sample / 50 * 4, 100 + sample / 10, sample % 10, 30 + Int(label), sample, 0, 0]
                for value in row {
                    rows += [0, 0, UInt8(value >> 8), UInt8(value & 255)]
                }
            }
            try bench.folder.write(rows, to: "data/t10k-labels-idx1-ubyte")
            let report: Report = try evaluate(bench, [], ranks: ranks)
            let error = try #require(report.error)
            let matrix = try #require(report.confusionMatrix)
            #expect(error.sampleCount == 100)
            #expect(error.wrongCount == 100 - matrix.indices.reduce(0) { $0 + matrix[$1][$1] })
            let series = try #require(report.series)
            #expect(series.map(\.group) == [0, 4] && series.map(\.error.sampleCount) == [50, 50])
            #expect(series.reduce(0) { $0 + $1.error.wrongCount } == error.wrongCount)
            #expect(report.writers?.writerCount == 10)
            let text = try bench.run(["evaluate", "run"], ranks: ranks).standardOutput
            #expect(text.contains("10 writers: mean error ") && text.contains("\nseries"), "\(text)")
        }
    }
}
