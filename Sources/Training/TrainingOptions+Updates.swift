import Errors
import Optimizers

extension Hyperparameter {
    /// Where the option of this name is kept.
    var option: WritableKeyPath<TrainingOptions, Double?> & Sendable {
        switch self {
        case .momentum: \.momentum
        case .beta1: \.beta1
        case .beta2: \.beta2
        case .alpha: \.alpha
        case .epsilon: \.epsilon
        case .weightDecay: \.weightDecay
        }
    }
}

extension TrainingOptions {
    /// Optimizer, clipping and moving average, each value checked.
    func resolvedUpdate() throws -> UpdateDescription {
        let clipping = GradientClipping(
            value: try clipValue.map { try positive($0, "clip-value") },
            norm: try clipNorm.map { try positive($0, "clip-norm") })
        return UpdateDescription(
            try resolvedOptimizer(), clipping: clipping, averageDecay: try average.map { try fraction($0, "average") })
    }

    private func resolvedOptimizer() throws -> OptimizerDescription {
        let name = try choice(optimizer ?? "adam", "optimizer", OptimizerRule.allCases.map(\.rawValue))
        let rule = OptimizerRule(rawValue: name)!
        var description = OptimizerDescription(rule)
        for hyperparameter in Hyperparameter.allCases {
            guard let value = self[keyPath: hyperparameter.option] else { continue }
            let option = hyperparameter.rawValue
            guard rule.defaults.contains(where: { $0.hyperparameter == hyperparameter }) else {
                throw failure(option, "has no meaning for --optimizer \(name)")
            }
            switch hyperparameter {
            case .epsilon: description[hyperparameter] = try positive(value, option)
            case .weightDecay: description[hyperparameter] = try notNegative(value, option)
            case .momentum, .beta1, .beta2, .alpha: description[hyperparameter] = try fraction(value, option)
            }
        }
        guard rule != .nesterov || description[.momentum] > 0 else {
            throw failure("momentum", "0: nesterov needs a momentum; without one it is sgd")
        }
        return description
    }

    func resolvedSchedule() throws -> ScheduleDescription {
        try placed("schedule") { try ScheduleText.parse(schedule ?? "constant") }
    }

    /// The schedule's maximum, or `--learning-rate`, or the rule's default.
    func resolvedLearningRate(_ schedule: ScheduleDescription, _ rule: OptimizerRule) throws -> Double {
        let rate = try learningRate.map { try positive($0, "learning-rate") }
        guard let maximum = schedule.maximum else { return rate ?? rule.defaultLearningRate }
        guard rate == nil || rate == maximum else {
            throw failure(
                "learning-rate", "\(rate!): the schedule names its greatest learning rate, \(maximum); omit one")
        }
        return maximum
    }

    private func positive(_ value: Double, _ option: String) throws -> Double {
        guard value > 0 && value.isFinite else { throw failure(option, "\(value): a positive number is needed") }
        return value
    }

    func notNegative(_ value: Double, _ option: String) throws -> Double {
        guard value >= 0 && value.isFinite else { throw failure(option, "\(value): a number from 0 is needed") }
        return value
    }
}

extension TrainingConfiguration {
    /// The lines of `config.yaml` that say how parameters are updated.
    var updateYAML: [String] {
        let description = update.optimizer
        var lines = ["optimizer: \(description.name)", "learning-rate: \(learningRate)"]
        for (hyperparameter, _) in description.rule.defaults {
            lines.append("\(hyperparameter.rawValue): \(description[hyperparameter])")
        }
        lines.append("schedule: \"\(ScheduleText.text(of: schedule))\"")
        if let warmUp { lines.append("warmup: \"\(ScheduleText.text(of: warmUp))\"") }
        if let baseBatchSize { lines.append("scale-learning-rate: \(baseBatchSize)") }
        if let value = update.clipping.value { lines.append("clip-value: \(value)") }
        if let norm = update.clipping.norm { lines.append("clip-norm: \(norm)") }
        if let decay = update.averageDecay { lines.append("average: \(decay)") }
        return lines
    }
}
