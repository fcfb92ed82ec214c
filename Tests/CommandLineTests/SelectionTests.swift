import Foundation
import Testing

extension CommandLineTests {
    /// Best epoch, early stopping, inputs as targets, warnings: what a run says and keeps.
    @Suite struct Selection {
        struct Point: Decodable {
            let epoch: Int
            let split: String
            let loss: Double?
            let accuracy: Double?
        }

        /// Without the keys of a clock, each line is still an object.
        private func points(_ record: RunRecord) throws -> [Point] {
            try record.metrics.map { try JSONDecoder().decode(Point.self, from: Data("{\($0)}".utf8)) }
        }

        private func evaluate(_ bench: Workbench, _ what: String) throws -> Evaluate.Report {
            let result = try bench.run(["evaluate", what, "--json"])
            try #require(result.exitCode == 0, "\(result)")
            return try JSONDecoder().decode(Evaluate.Report.self, from: Data(result.standardOutput.utf8))
        }

        static let ways =
            [Way(workers: 1), Way(workers: 3)]
            + (Program.hasRanks ? [Way(ranks: 2), Way(ranks: 2, environment: ["LOCKSTEP_TRANSPORT": "messages"])] : [])
        /// So fast that the validation loss soon rises again.
        static let restless = [
            "--epochs", "40", "--validation-split", "0.2", "--patience", "3", "--learning-rate", "0.2",
        ]

        @Test(arguments: ways, [[], ["--average", "0.5"]]) func earlyStoppingKeepsTheBest(
            way: Way, more: [String]
        ) throws {
            let bench = try Workbench()
            let record = try bench.train(Self.restless + more, as: way)
            let summary = record.summary
            #expect(summary.stoppedEarly && summary.metric == "validation-loss")
            let losses = try points(record).filter { $0.split == "validation" }.compactMap(\.loss)
            let best = try #require(losses.min())
            #expect(summary.bestMetric == best && summary.bestEpoch == losses.firstIndex(of: best)! + 1)
            #expect(summary.epochs == losses.count && summary.epochs == summary.bestEpoch! + 3 && summary.epochs < 40)
            // The test set is scored once, at the end.
            #expect(try points(record).filter { $0.split == "test" }.map(\.epoch) == [summary.epochs])
            let report = try evaluate(bench, "run/checkpoints/best.safetensors")
            #expect(report.loss == summary.bestTestLoss && report.accuracy == summary.bestTestAccuracy)
            #expect(report.isAverage == !more.isEmpty)
            #expect(try evaluate(bench, "run").loss == summary.testLoss && summary.testLoss != report.loss)
        }

        @Test func aMetricAloneStopsNothing() throws {
            let bench = try Workbench()
            let plain = try bench.train(["--epochs", "6"], out: "plain")
            let summary = try bench.train(["--epochs", "6", "--metric", "test-accuracy"]).summary
            #expect(summary.parametersSHA256 == plain.summary.parametersSHA256)
            #expect(!summary.stoppedEarly && summary.epochs == 6)
            #expect(summary.bestTestAccuracy == summary.bestMetric && plain.summary.bestEpoch == nil)
            #expect(bench.folder.exists("run/checkpoints/best.safetensors"))
            #expect(!bench.folder.exists("plain/checkpoints/best.safetensors"))
            // The next run into the folder has no best.
            _ = try bench.train(["--overwrite"])
            #expect(!bench.folder.exists("run/checkpoints/best.safetensors"))
        }

        @Test(arguments: ways) func inputsAsTargets(way: Way) throws {
            let bench = try Workbench()
            let model = "dense 30, relu, dense 6, dense 30, relu, dense 64"
            let record = try bench.train(["--target", "input", "--model", model], as: way)
            let summary = record.summary
            #expect(summary.testAccuracy == nil && summary.trainAccuracy == nil && summary.bottleneck == 6)
            #expect(try points(record).allSatisfy { $0.accuracy == nil && $0.loss != nil })
            for arguments in [["run"], [summary.checkpoint, "--dataset", "./data"]] {
                let result = try bench.run(["evaluate", "--json"] + arguments)
                let report = try JSONDecoder().decode(Evaluate.Report.self, from: Data(result.standardOutput.utf8))
                #expect(report.loss == summary.testLoss && report.accuracy == nil && report.confusionMatrix == nil)
            }
            struct Components: Decodable, Equatable {
                struct Row: Decodable, Equatable {
                    let components: Int
                    let testLoss: Double
                }
                let components: [Row]
            }
            let result = try bench.run(
                ["pca", "--dataset", "./data", "--components", "64,6,1", "--json"], ranks: way.ranks)
            let rows = try JSONDecoder().decode(Components.self, from: Data(result.standardOutput.utf8)).components
            #expect(rows.map(\.components) == [64, 6, 1] && rows[1].testLoss == summary.pcaTestLoss, "\(result)")
            #expect(rows[0].testLoss < 1e-14 && rows[1].testLoss < rows[2].testLoss)
            // Only squared errors have principal components as their baseline.
            #expect(
                try bench.train(["--target", "input", "--loss", "mae", "--model", model, "--overwrite"]).summary
                    .pcaTestLoss == nil)
        }

        /// Outputs and warnings are told once for all workers, and kept.
        @Test(arguments: ways) func deadNetworksAreNamed(way: Way) throws {
            let bench = try Workbench()
            let result = try bench.run(
                Workbench.training + [
                    "--out", "run", "--optimizer", "sgd", "--learning-rate", "300", "--clip-norm", "1", "--epochs", "5",
                    "--warmup", "9epochs",
                ] + (way.workers.map { ["--workers", "\($0)"] } ?? []), ranks: way.ranks, environment: way.environment)
            #expect(result.exitCode == 0, "\(result)")
            let warnings = try RunRecord("run", in: bench.folder).summary.warnings
            #expect(warnings.contains { $0.contains("the network is dead") }, "\(warnings)")
            #expect(warnings.first?.contains("the warm-up takes 90 steps and the run has 50") == true, "\(warnings)")
            for warning in warnings {
                #expect(result.standardOutput.split(separator: "\n").count { $0 == "warning: \(warning)" } == 1)
            }
        }
    }
}
