import ArgumentParser
import Errors
import Files
import Foundation
import Kernels
import Reports
import Training

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Write a page that explains a run, several runs, or a sweep.",
        discussion: """
            The page is one HTML file that needs no network. The best checkpoint of a run is scored on its test set for it; of a
            folder that is damaged the page shows what can be read, and says what is missing.
            """)

    @Argument(help: ArgumentHelp("Folders of runs, or one folder of a sweep.", valueName: "DIR"))
    var folders: [String]

    @Option(name: [.short, .long], help: ArgumentHelp("The page; default report.html.", valueName: "FILE"))
    var output = "report.html"

    @OptionGroup var data: ReportArguments

    @Option(
        help: ArgumentHelp(
            "Write what the run's network takes each test image for, as comma-separated values.", valueName: "FILE"))
    var predictions: String?

    @Flag(help: "Print what was written as one JSON document.")
    var json = false

    private struct Written: Encodable {
        let file: String
        let byteCount: Int
    }

    func run() throws {
        if predictions != nil && folders.count > 1 {
            throw Failure(.usage, "--predictions is of one run, but \(folders.count) folders are named")
        }
        let page = try ReportPage(folders, options: try data.options())
        if let predictions {
            guard let samples = page.predictions else {
                throw Failure(
                    .data,
                    "--predictions: \(folders[0]) is no classifier's run whose checkpoint and test set can be read")
            }
            try AtomicFile.write([Array(samples.csv.utf8)], to: predictions)
        }
        try AtomicFile.write([Array(page.html.utf8)], to: output)
        let byteCount = page.html.utf8.count
        if json { return try Output.json(Written(file: output, byteCount: byteCount)) }
        Output.line("\(output): \(grouped(byteCount)) bytes")
    }
}

/// Which data a page scores runs on; `report` and `serve` share them.
struct ReportArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp("A data set of the catalogue, or a folder; default: each run's own.", valueName: "NAME|DIR"))
    var dataset: String?

    @Option(
        help: ArgumentHelp(
            "Where to look for data sets, before LOCKSTEP_DATA and the system's folders.", valueName: "DIR"))
    var dataDir: String?

    @Option(
        help: ArgumentHelp(
            "A trace of `bench step --trace`, for the time by phase; default: trace.json in the run's folder.",
            valueName: "FILE"))
    var trace: String?

    func options() throws -> ReportOptions {
        let environment = ProcessInfo.processInfo.environment
        var options = ReportOptions(kernels: try KernelSelection.select(environment: environment))
        options.dataset = dataset
        options.dataDirectory = dataDir
        options.trace = trace
        return options
    }
}
