import Foundation
import KernelContract
import Models
import Optimizers
import Testing

/// The tables that the options offer and that the tests run through are those of the README.
@Suite("What is offered is documented")
struct DocumentationTests {
    private static let names: [(kind: String, names: [String])] = [
        ("layer", ModelText.layerNames), ("activation", ActivationKind.allCases.map(\.rawValue)),
        ("loss", LossDescription.names), ("optimizer", OptimizerRule.allCases.map(\.rawValue)),
        ("schedule", ScheduleText.names), ("initialiser", InitializerGrammar.all.map(\.name)),
    ]

    @Test(arguments: names) func theReadmeNamesAll(kind: String, names: [String]) throws {
        let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: repository.appending(path: "README.md"), encoding: .utf8)
        for name in names {
            // In code, by itself or before its sizes: `dense SIZE`, `"step 10 0.5"`.
            let isNamed = ["`\(name)`", "`\(name) ", "`\"\(name)\"", "`\"\(name) "].contains { text.contains($0) }
            #expect(isNamed, "README.md does not name the \(kind) \(name)")
        }
    }
}
