import Foundation
import Sweeps
import Testing
import Training

/// The files of `docs/experiments`.
@Suite("Experiments")
struct ExperimentTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../docs/experiments")
    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
    }()

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

    @Test func thereAreExperiments() { #expect(Self.names.count >= 12) }
}
