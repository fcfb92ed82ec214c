import Errors
import Models
import Optimizers
import Training

extension SweepDefinition {
    /// Adds what the parameters imply: which of them an optimizer has, what `beta` is, and a family of models.
    mutating func complete(_ file: SweepYAML) throws {
        resolveBeta()
        try addOptimizerConditions()
        addFamily(file)
        parameters.sort { $0.path.precedes($1.path) }
    }

    private var optimizers: [SweepValue]? { parameters.first { $0.option == "optimizer" }?.values }

    /// `beta` is the decay of momentum's or of RMSprop's running mean, whichever the optimizer has.
    private mutating func resolveBeta() {
        guard let index = parameters.firstIndex(where: { $0.option == SweepNames.betaName }) else { return }
        let beta = parameters.remove(at: index)
        let meanings: [(option: String, rules: [OptimizerRule])] = [
            ("momentum", [.momentum, .nesterov]), ("alpha", [.rmsprop]),
        ]
        var taken: [String] = []
        for (option, rules) in meanings where !parameters.contains(where: { $0.option == option }) {
            let names = rules.map(\.rawValue).filter { name in optimizers?.contains { $0.text == name } ?? false }
            guard !names.isEmpty else { continue }
            let isAlways = optimizers?.allSatisfy { names.contains($0.text) } ?? false
            let condition = Condition(option: "optimizer", values: names.map { SweepValue($0) }, place: beta.place)
            parameters.append(
                Parameter(
                    path: beta.path, option: option, domain: beta.domain,
                    conditions: beta.conditions + (isAlways ? [] : [condition]), place: beta.place))
            taken.append("\(option) with \(names.joined(separator: ", "))")
        }
        notes.append(
            taken.isEmpty
                ? "\(beta.path) is left out: no optimizer of this sweep has momentum or RMSprop's decay"
                : "\(beta.path) is \(taken.joined(separator: ", and "))")
    }

    /// A hyperparameter exists only for optimizers that have it.
    private mutating func addOptimizerConditions() throws {
        guard let optimizers else { return }
        let rules = optimizers.compactMap { OptimizerRule(rawValue: $0.text) }
        guard rules.count == optimizers.count else { return }
        for index in parameters.indices.reversed() {
            let parameter = parameters[index]
            guard let hyperparameter = Hyperparameter(rawValue: parameter.option),
                !parameter.conditions.contains(where: { $0.option == "optimizer" })
            else { continue }
            let having = rules.filter { rule in rule.defaults.contains { $0.hyperparameter == hyperparameter } }
            let names = having.map(\.rawValue)
            if names.isEmpty {
                guard parameter.isConstant else {
                    throw Failure(
                        .data,
                        "\(parameter.place): \"\(parameter.path)\" has no meaning for "
                            + "\(rules.map(\.rawValue).joined(separator: ", ")); omit it")
                }
                notes.append("\(parameter.path) is left out: no optimizer of this sweep has it")
                parameters.remove(at: index)
            } else if names.count < rules.count {
                parameters[index].conditions.append(
                    Condition(option: "optimizer", values: names.map { SweepValue($0) }, place: parameter.place))
                notes.append("\(parameter.path) is there only with optimizer \(names.joined(separator: ", "))")
            }
        }
    }

    /// Numbers of layers and their sizes describe a family of models.
    private mutating func addFamily(_ file: SweepYAML) {
        let all = parameters + points.flatMap { $0 }
        guard !all.contains(where: { $0.option == "family" || $0.option == "model" }) else { return }
        let options = all.compactMap { ModelFamilyOption(rawValue: $0.option) }
        guard let first = options.first else { return }
        let families = [ModelFamily.mlp, .cnn, .autoencoder]
        let family = families.first { family in options.allSatisfy { family.options.contains($0) } } ?? .mlp
        parameters.append(
            Parameter(
                path: "family", option: "family",
                domain: .choices(Choices([SweepValue(family.rawValue, place: file.path)])), place: file.path))
        notes.append("family is \(family.rawValue), since \(first.rawValue) describes one")
    }
}

extension SweepDefinition {
    /// Refuses values that no training would take, each looked at by itself.
    func checkValues() throws {
        for parameter in parameters + points.flatMap({ $0 }) {
            switch parameter.domain {
            case .choices(let choices):
                for value in choices.values.prefix(1_000) where !value.isNull { try check(parameter, value) }
            case .range(let distribution):
                let isBounded =
                    switch distribution.family {
                    case .normal, .logNormal: false
                    case .whole, .uniform, .logUniform, .beta: true
                    }
                // The ends, and something between them.
                for u in isBounded ? [0, 1, 0.371] : [0.5, 0.371] {
                    try check(parameter, SweepValue(number: distribution.value(at: u)).at(parameter.place))
                }
            }
        }
    }

    private func check(_ parameter: Parameter, _ value: SweepValue) throws {
        let option = parameter.option == SweepNames.betaName ? "momentum" : parameter.option
        var options = TrainingOptions()
        guard options.set(option, value.text, at: value.place) else {
            let type = TrainingOptions.typeName(of: option)
            throw Failure(
                .data, "\(value.place): \"\(parameter.path)\" needs \(type), not \"\(value.text.prefix(60))\"")
        }
        addCompanions(option, &options)
        do {
            guard options.family == ModelFamilyOptions() else {
                if options.family.family == ModelFamily.autoencoder.rawValue { options.target = "input" }
                _ = try options.expandedFamily { (784, 10) }
                return
            }
            _ = try options.resolved()
        } catch let failure as Failure {
            // A place alone would be that of the option; others have none.
            let isPlaced = failure.message.hasPrefix(value.place)
            throw Failure(.data, isPlaced ? failure.message : "\(value.place): \(parameter.path): \(failure.message)")
        }
    }

    /// What an option needs beside it to have a meaning.
    private func addCompanions(_ option: String, _ options: inout TrainingOptions) {
        switch option {
        case "momentum": options.optimizer = OptimizerRule.sgd.rawValue
        case "alpha": options.optimizer = OptimizerRule.rmsprop.rawValue
        case "beta1", "beta2", "epsilon": options.optimizer = OptimizerRule.adam.rawValue
        case "min-delta", "patience":
            options.patience = options.patience ?? 1
            options.metric = SelectionMetric.trainLoss.rawValue
        case "metric", "stratified": options.validationSplit = 0.1
        case "ignore-columns", "test-split", "standardize-target", "target", "standardize":
            let isColumn = options.target.map { text in !LossTarget.named.contains { $0.rawValue == text } } ?? true
            guard isColumn, option != "standardize" || options.standardization == "feature" else { return }
            options.dataset = "table.csv"
            options.target = options.target ?? "target"
        default:
            guard let family = ModelFamilyOption(rawValue: option) else { return }
            let families = [ModelFamily.mlp, .cnn, .autoencoder]
            options.family.family = families.first { $0.options.contains(family) }?.rawValue
        }
    }
}
