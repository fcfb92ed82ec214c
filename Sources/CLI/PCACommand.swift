import ArgumentParser
import Communication
import DataLoading
import Errors
import Foundation
import Kernels
import Training

struct PCACommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pca",
        abstract: "Show what principal components reconstruct: the linear baseline of auto-encoders.",
        discussion: """
            Components are those of the training images; the loss is the mean squared error of the test images, pixels from
            0 to 1, as of a network trained with --target input --loss mse.
            """)

    @Option(
        help: ArgumentHelp(
            "A data set of the catalogue, or a folder with four MNIST-named IDX files; default fashion-mnist.",
            valueName: "NAME|DIR"))
    var dataset = "fashion-mnist"

    @Option(
        help: ArgumentHelp(
            "Where to look for data sets, before LOCKSTEP_DATA and the system's folders.", valueName: "DIR"))
    var dataDir: String?

    @Option(help: ArgumentHelp("Numbers of components; default 1,2,4,…,128.", valueName: "N,N,…"))
    var components: String?

    @Flag(help: "Print one JSON document.")
    var json = false

    struct Report: Encodable {
        let dataset: String
        let trainCount: Int
        let testCount: Int
        let features: Int
        let components: [Row]

        struct Row: Encodable {
            let components: Int
            let testLoss: Double
            /// Share of the training images' variance.
            let explainedVariance: Double
        }
    }

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        let kernels = try KernelSelection.select(environment: environment)
        let counts = try components.map(parse)
        let shared = SharedDataset(name: dataset, dataDirectory: dataDir)
        let json = json
        let isLaunched = Launcher.detect(environment: environment).isLaunched
        // Under a launcher one rank works for all.
        _ = try onWorkers(isLaunched ? nil : 1) { communicator in
            try communicator.agree {
                guard communicator.rank == 0 else { return }
                let data = try shared.load()
                let features = data.train.pixelsPerImage
                let counts = counts ?? (0..<8).map { 1 << $0 }.filter { $0 <= features }
                if let count = counts.first(where: { $0 > features }) {
                    throw Failure(.data, "--components \(count): \(data.name) has \(features) pixels")
                }
                guard data.train.count > 0, data.test.count > 0 else {
                    throw Failure(.data, "\(data.name): train or test has no image")
                }
                let analysis = PrincipalComponents(
                    data.train, indices: (0..<Int32(data.train.count)).map { $0 }, kernels: kernels)
                let losses = analysis.reconstructionLosses(of: data.test, components: counts, kernels: kernels)
                let report = Report(
                    dataset: data.name, trainCount: data.train.count, testCount: data.test.count, features: features,
                    components: zip(counts, losses).map {
                        Report.Row(
                            components: $0, testLoss: $1, explainedVariance: analysis.explainedVariance(components: $0))
                    })
                Output.line(try json ? report.json(pretty: true) : report.text)
            }
        }
    }

    private func parse(_ text: String) throws -> [Int] {
        try text.split(separator: ",", omittingEmptySubsequences: false).map { word in
            guard let count = Int(word), count >= 1 else {
                throw Failure(
                    .usage, "--components \"\(word)\": whole numbers from 1 with commas are needed, such as 1,2,4")
            }
            return count
        }
    }
}

extension PCACommand.Report {
    var text: String {
        let head = [
            "\(dataset): \(grouped(trainCount)) train, \(grouped(testCount)) test, \(features) pixels", "",
            "components  test mse  explained variance",
        ]
        let rows = components.map {
            Text.right("\($0.components)", 10) + Text.right(Text.fixed($0.testLoss, 6), 10)
                + Text.right(Text.percent($0.explainedVariance), 20)
        }
        return (head + rows).joined(separator: "\n")
    }
}
