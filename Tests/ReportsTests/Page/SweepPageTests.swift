import Errors
import Foundation
import Kernels
import Reports
import Sweeps
import Testing

struct SweepPageTests {
    private final class Folder: Sendable {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("lockstep-\(UUID().uuidString)").path

        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    private static let text = """
        name: "<script>alert(1)</script>"
        method: random
        run_cap: 500
        metric: {name: testLoss}
        parameters:
          learning_rate: {distribution: log_uniform_values, min: 1.0e-5, max: 0.1}
          optimizer: {values: [sgd, momentum, adam]}
          batch_size: {values: [16, 32, 64, 128]}
          hidden_layers: {min: 1, max: 6}
          hidden_size: {values: ["64", "64,32", "128"]}
          epochs: {value: 3}
        """

    /// A sweep of made-up trials: the loss rises with the distance of the learning rate from 0.01, every tenth trial ends
    /// early and every 25th diverges.
    private static func sweep(_ count: Int) throws -> (folder: Folder, contents: [TrialRecord]) {
        let folder = Folder()
        let plan = try SweepPlan(SweepDefinition(yaml: text, path: "sweep.yaml"))
        let directory = try SweepDirectory(path: folder.path, plan: plan, text: text, retriesFailed: false)
        try directory.beginSession(workers: 2, groups: 2, workersPerTrial: 1, hosts: ["here"])
        try train(1...count, of: directory)
        try directory.endSession()
        return (folder, directory.records)
    }

    private static func train(_ numbers: ClosedRange<Int>, of directory: SweepDirectory) throws {
        for number in numbers {
            guard case .trial(let trial) = directory.sequence.trial(number) else {
                throw Failure(.internal, "no trial \(number)")
            }
            _ = directory.started(trial, group: number % 2)
            var record = directory.records[number - 1]
            record.state = number % 25 == 0 ? .failed : number % 10 == 0 ? .stopped : .finished
            record.reason =
                record.state == .failed ? "the loss is not finite after step 7 <img src=x onerror=alert(2)>" : nil
            let rate = trial.value(of: "learning-rate")?.number ?? 0
            record.value = record.state == .failed ? nil : abs(Elbow.binaryLogarithm(rate / 0.01)) / 10 + 0.1
            record.seconds = 1.5
            try directory.save(directory.ended(record))
        }
    }

    private static func options() throws -> ReportOptions {
        ReportOptions(kernels: try KernelSelection.select(environment: [:]))
    }

    /// The folder stays until its page is made.
    private static func page(_ folder: Folder) throws -> String {
        try withExtendedLifetime(folder) { try ReportPage([folder.path], options: options()).html }
    }

    /// What the page's JSON says.
    private struct Figures: Decodable {
        struct Axis: Decodable {
            let name: String
            let isLogarithmic: Bool
            let choices: [String]
        }

        struct Trial: Decodable {
            let number: Int
            let state: String
            let value: Double?
            let places: [Double?]
        }

        struct Parameter: Decodable {
            let name: String
            let importance: Double?
        }

        let isMaximized: Bool
        let best: Int?
        let axes: [Axis]
        let trials: [Trial]
        let parameters: [Parameter]
        let explained: Double?
    }

    private static func figures(_ html: String) throws -> Figures {
        let begin = try #require(html.range(of: "id=\"figures\">"))
        let end = try #require(html.range(of: "</script>", range: begin.upperBound..<html.endIndex))
        return try JSONDecoder().decode(
            Figures.self, from: Data(html[begin.upperBound..<end.lowerBound].utf8))
    }

    @Test func fiveHundredTrials() throws {
        let (folder, records) = try Self.sweep(500)
        let html = try Self.page(folder)
        #expect(html.utf8.count < 6_000_000)
        #expect(html == (try Self.page(folder)))
        let figures = try Self.figures(html)
        #expect(figures.trials.count == 500 && figures.trials.map(\.number) == Array(1...500))
        for (trial, record) in zip(figures.trials, records) {
            #expect(trial.value == record.value)
            #expect(trial.state == (record.state == .failed ? "diverged" : record.state.rawValue))
        }
        let best = records.filter { $0.state == .finished }.min { ($0.value ?? 9) < ($1.value ?? 9) }
        #expect(figures.best == best?.number && !figures.isMaximized)
        let rate = try #require(figures.parameters.first { $0.name == "learning-rate" })
        for other in figures.parameters where other.name != rate.name {
            #expect(rate.importance ?? 0 > 5 * abs(other.importance ?? 1), "\(figures.parameters)")
        }
        #expect(figures.explained ?? 0 > 0.8)
        // Places are those of the values: of a logarithmic axis, and of choices.
        let axis = try #require(figures.axes.firstIndex { $0.name == "learning-rate" })
        #expect(figures.axes[axis].isLogarithmic)
        let optimizer = try #require(figures.axes.firstIndex { $0.name == "optimizer" })
        #expect(figures.axes[optimizer].choices == ["adam", "momentum", "sgd"])
        for (trial, record) in zip(figures.trials, records) {
            let name = record.trial.value(of: "optimizer")?.text ?? ""
            let place = ["adam": 0.1667, "momentum": 0.5, "sgd": 0.8333][name]
            #expect(trial.places[optimizer] == place)
        }
        #expect(!html.contains("<script>alert") && !html.contains("<img src=x"))
        #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && html.contains("\\u003cscript>alert"))
        #expect(
            html.components(separatedBy: "class=\"trial stopped\" data-t").count == 1
                + records.count { $0.state == .stopped })
        #expect(
            html.components(separatedBy: "class=\"trial failed\" data-t").count == 1
                + records.count { $0.state == .failed })
    }

    /// Of 40 trials 35 finish; 38.5 are a tenth more.
    @Test func aLivePageGrowsItsForestSeldom() throws {
        let folder = Folder()
        let plan = try SweepPlan(SweepDefinition(yaml: Self.text, path: "sweep.yaml"))
        var options = try Self.options()
        options.liveVersion = "1"
        var memory = PageMemory()
        func explained(_ count: Int) throws -> Bool {
            let html = try withExtendedLifetime(folder) {
                try ReportPage([folder.path], options: options, memory: &memory).html
            }
            return html.contains("over \(count) finished trials")
        }
        do {
            let directory = try SweepDirectory(path: folder.path, plan: plan, text: Self.text, retriesFailed: false)
            try Self.train(1...40, of: directory)
            #expect(try explained(35))
            try Self.train(41...43, of: directory)
            #expect(try explained(35))
            #expect(try Self.page(folder).contains("over 38 finished trials"))
            try Self.train(44...44, of: directory)
            #expect(try explained(39))
            try Self.train(45...45, of: directory)
            #expect(try explained(39))
            withExtendedLifetime(directory) {}
        }
        // It has ended.
        #expect(try explained(40))
    }

    @Test func ofNoTrialAndOfOne() throws {
        for count in [1, 2] {
            let html = try Self.page(Self.sweep(count).folder)
            #expect(try Self.figures(html).trials.count == count)
        }
        let folder = Folder()
        let plan = try SweepPlan(SweepDefinition(yaml: Self.text, path: "sweep.yaml"))
        _ = try SweepDirectory(path: folder.path, plan: plan, text: Self.text, retriesFailed: false)
        #expect(try Self.page(folder).contains("No trial has begun yet."))
    }

    @Test(arguments: ["sweep.yaml", "sweep.sqlite", "overrides.yaml"]) func damaged(file: String) throws {
        let folder = try Self.sweep(3).folder
        try Data("][ \u{1} not: what it was".utf8).write(to: URL(fileURLWithPath: "\(folder.path)/\(file)"))
        let html = try Self.page(folder)
        #expect(html.contains("id=\"problems\"") && html.contains(file), "\(file)")
    }

    @Test func whatIsNeither() throws {
        let folder = Folder()
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        for path in [folder.path, folder.path + "/none"] {
            #expect { try ReportPage([path], options: Self.options()) } throws: { error in
                (error as? Failure)?.kind == .inputNotFound
            }
        }
        let sweep = try Self.sweep(1).folder
        #expect {
            try withExtendedLifetime(sweep) { try ReportPage([sweep.path, sweep.path], options: Self.options()) }
        } throws: { error in
            (error as? Failure)?.kind == .usage
        }
    }
}
