import Foundation
import Sweeps
import Testing
import Training

/// The files of `docs/experiments`.
@Suite("Experiments")
struct ExperimentTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../docs/experiments")
    static let names = names(in: "")
    static let records = names(in: "records/")
    static let searches = names(in: "records/searches/")

    private static func names(in part: String) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.appending(path: part).path)) ?? []
        return files.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
    }

    private func read(_ name: String) throws -> String {
        try String(contentsOf: Self.folder.appending(path: name), encoding: .utf8)
    }

    @Test(arguments: names) func everyFileIsASweepWithAPage(name: String) throws {
        let plan = try SweepPlan(SweepDefinition(yaml: read("\(name).yaml"), path: "\(name).yaml"))
        #expect(plan.trials.count > 1 && plan.definition.name == name && plan.definition.description != nil)
        #expect(plan.definition.ignoredKeys.isEmpty)
        let page = try read("\(name).md")
        for part in [
            "**Asked.**", "**Expected.**", "**Seen.**", "\n<!-- results: begin -->\n", "\n<!-- results: end -->\n",
        ] {
            #expect(page.contains(part), "\(name).md lacks \(part)")
        }
        #expect(try read("README.md").contains("(\(name).md)"), "README.md does not list \(name)")
    }

    @Test(arguments: records) func everyRecordHasSeedsAndAPage(name: String) throws {
        let plan = try SweepPlan(SweepDefinition(yaml: read("records/\(name).yaml"), path: "\(name).yaml"))
        #expect(plan.definition.name == name && plan.definition.description != nil && plan.varying.contains("seed"))
        let page = try read("records/\(name).md")
        for part in ["**Seen.**", "\n<!-- results: begin -->\n", "\n<!-- results: end -->\n"] {
            #expect(page.contains(part), "\(name).md lacks \(part)")
        }
        #expect(try read("records/README.md").contains("(\(name).md)"), "README.md does not list \(name)")
    }

    /// Choices are made on images that were held out, and the record's page shows them.
    @Test(arguments: searches) func everySearchIsOfHeldOutImages(name: String) throws {
        let plan = try SweepPlan(SweepDefinition(yaml: read("records/searches/\(name).yaml"), path: "\(name).yaml"))
        #expect(plan.definition.metric.name.hasPrefix("validation"))
        for trial in plan.trials {
            #expect(trial.parameters.contains { $0.option == "validation-split" && !$0.value.isNull })
        }
        let number = name.wholeMatch(of: /.*(-[2-9])/)?.1 ?? ""
        let page = try read("records/\(name.dropLast(number.count)).md")
        #expect(page.contains("\n<!-- search\(number): begin -->\n|") && page.contains("(searches/\(name).yaml)"))
    }

    @Test func thereAreExperiments() {
        #expect(Self.names.count >= 12 && Self.records.count >= 5 && Self.searches.count >= 3)
    }
}
