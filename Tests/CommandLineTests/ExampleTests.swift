import Foundation
import Testing

extension CommandLineTests {
    /// The program of `Examples/FashionMNIST`, with data of its own size.
    @Suite struct Example {
        @Test func theExampleTrainsAndPredicts() throws {
            let bench = try Workbench()
            let folder = URL(fileURLWithPath: Program.path).deletingLastPathComponent()
            let program = folder.appending(path: "fashion-mnist-example")
            try #require(FileManager.default.isExecutableFile(atPath: program.path), "\(program.path) is not built")
            let result = try Program.run(["./data", "run"], binary: program.path, folder: bench.folder)
            #expect(result.exitCode == 0 && result.standardError == "", "\(result)")
            let lines = result.standardOutput.split(separator: "\n")
            try #require(lines.count == 5, "\(result)")
            #expect(lines[0] == "conv 8 3x3 stride 2 padding 1, relu, dense 64, relu, dense 32, relu, dense 10")
            let summary = try RunRecord("run", in: bench.folder).summary
            let accuracy: Double? = summary.testAccuracy
            #expect(lines[3] == "test accuracy \(accuracy ?? .nan), parameters \(summary.parametersSHA256)")
            #expect(lines[4].hasSuffix("of the first 10 test images are recognised"))
            // What the library predicts is what the program counts.
            let hits = try Self.hits(bench, checkpoint: "run")
            #expect(lines[4].hasPrefix("\(hits) of"), "\(hits), but \(lines[4])")

            let wrong = try Program.run(["./nothing", "run2"], binary: program.path, folder: bench.folder)
            #expect(wrong.exitCode == 66 && wrong.allOutput.contains("error: ./nothing: no such folder"), "\(wrong)")
        }

        /// Correct predictions on a data set whose test part is the first ten images, by `lockstep evaluate`.
        private static func hits(_ bench: Workbench, checkpoint: String) throws -> Int {
            var ten = SmallDataset()
            ten.test.images = Array(ten.test.images.prefix(640))
            ten.test.labels = Array(ten.test.labels.prefix(10))
            try ten.write(to: "ten", in: bench.folder)
            let result = try bench.run(["evaluate", checkpoint, "--dataset", "./ten", "--json"])
            struct Report: Decodable { let accuracy: Double }
            let report = try JSONDecoder().decode(Report.self, from: Data(result.standardOutput.utf8))
            return Int((report.accuracy * 10).rounded())
        }
    }
}
