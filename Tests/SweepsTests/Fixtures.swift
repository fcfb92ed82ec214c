import Foundation
import Sweeps

/// A file of `Tests/Fixtures`.
func fixture<Value: Decodable>(_ name: String, as type: Value.Type) -> Value {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/\(name)")
    do { return try JSONDecoder().decode(Value.self, from: Data(contentsOf: file)) } catch {
        fatalError("\(file.path): \(error)")
    }
}

/// A sweep over `parameters`, which are lines of YAML.
func sweep(_ method: String, _ parameters: String, _ rest: String = "") throws -> SweepPlan {
    try SweepPlan(
        SweepDefinition(yaml: "method: \(method)\nparameters:\n\(parameters)\n\(rest)", path: "sweep.yaml"))
}

extension SweepPlan {
    /// `seed=1 optimizer=sgd` of each trial.
    var rows: [String] { trials.map(\.row) }
}

extension SweepPlan.Trial {
    var row: String { parameters.map { "\($0.option)=\($0.value.text)" }.joined(separator: " ") }
}
