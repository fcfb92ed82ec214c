import Errors
import KernelContract
import Models

extension TrainingOptions {
    /// The loss that the options ask for.
    ///
    /// - Throws: as `resolved` does.
    package func resolvedLoss() throws -> LossDescription {
        let targets = LossTarget.allCases.map(\.rawValue)
        let targetName = try choice(self.target ?? LossTarget.label.rawValue, "target", targets)
        let target = LossTarget(rawValue: targetName)!
        let name = try choice(loss ?? LossDescription.defaultKind(target).rawValue, "loss", LossDescription.names)
        guard name != "cross-entropy" || target == .label else {
            throw failure("loss", "cross-entropy needs classes, but the target is the input: use mse, mae or bce")
        }
        var description = LossDescription(.init(rawValue: name)!, target: target)
        if let labelSmoothing {
            try needsCrossEntropy("label-smoothing", name)
            description.labelSmoothing = try fraction(labelSmoothing, "label-smoothing")
        }
        if let classWeights {
            try needsCrossEntropy("class-weights", name)
            description.classWeights = try classWeights.split(separator: ",", omittingEmptySubsequences: false).map {
                let word = $0.trimmingWhitespace
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
        case .input: .meanSquaredError
        }
    }

    /// The lines of a configuration file.
    var yamlLines: [String] {
        var lines = ["loss: \(kind.rawValue)", "target: \(target.rawValue)"]
        if labelSmoothing != 0 { lines.append("label-smoothing: \(labelSmoothing)") }
        if !classWeights.isEmpty {
            lines.append("class-weights: \"\(classWeights.map { "\($0)" }.joined(separator: ","))\"")
        }
        return lines
    }
}

extension Substring {
    fileprivate var trimmingWhitespace: Substring {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return self[first...last]
    }
}
