import Errors
import Models

extension TrainingOptions {
    /// The loss that the options ask for.
    ///
    /// - Throws: as `resolved` does.
    package func resolvedLoss() throws -> LossDescription {
        let name = try choice(loss ?? LossDescription().kind.rawValue, "loss", LossDescription.names)
        var description = LossDescription(.init(rawValue: name) ?? .crossEntropy)
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
    /// The lines of a configuration file.
    var yamlLines: [String] {
        var lines = ["loss: \(kind.rawValue)"]
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
