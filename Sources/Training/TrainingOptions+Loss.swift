import Errors
import KernelContract
import Models

extension TrainingOptions {
    /// The loss that the options ask for.
    ///
    /// - Throws: as `resolved` does.
    package func resolvedLoss() throws -> LossDescription {
        let target = try resolvedTarget()
        let name = try choice(loss ?? LossDescription.defaultKind(target).rawValue, "loss", LossDescription.names)
        guard name != "cross-entropy" || target == .label else {
            let what = target == .input ? "the input: use mse, mae or bce" : "a column of numbers: use mse or mae"
            throw failure("loss", "cross-entropy needs classes, but the target is \(what)")
        }
        guard name != "bce" || target != .columns else {
            throw failure(
                "loss", "bce needs targets from 0 to 1, but the target is a column of numbers: use mse or mae")
        }
        var description = LossDescription(.init(rawValue: name)!, target: target)
        if let labelSmoothing {
            try needsCrossEntropy("label-smoothing", name)
            description.labelSmoothing = try fraction(labelSmoothing, "label-smoothing")
        }
        if let classWeights {
            try needsCrossEntropy("class-weights", name)
            description.classWeights = try classWeights.split(separator: ",", omittingEmptySubsequences: false).map {
                let word = $0.trimmingBlanks
                // A Float must hold it; all weights 0 would leave nothing to divide by.
                guard let weight = Double(word), weight > 0, Float(weight).isNormal else {
                    throw failure(
                        "class-weights", "\"\(word)\": positive numbers with commas are needed, such as 1,2,0.5")
                }
                return weight
            }
        }
        return description
    }

    private func needsCrossEntropy(_ option: String, _ name: String) throws {
        guard name == "cross-entropy" else { throw failure(option, "has no meaning for --loss \(name)") }
    }
}

extension LossDescription {
    package static func defaultKind(_ target: LossTarget) -> LossKind {
        switch target {
        case .label: .crossEntropy
        case .input, .columns: .meanSquaredError
        }
    }

    /// The lines of a configuration file.
    ///
    /// - Parameter columns: The text of the target, where it is columns of a table.
    func yamlLines(columns: String?) -> [String] {
        var lines = ["loss: \(kind.rawValue)", "target: \(columns ?? target.rawValue)"]
        if labelSmoothing != 0 { lines.append("label-smoothing: \(labelSmoothing)") }
        if !classWeights.isEmpty {
            lines.append("class-weights: \"\(classWeights.map { "\($0)" }.joined(separator: ","))\"")
        }
        return lines
    }
}
