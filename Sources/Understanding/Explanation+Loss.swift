import KernelContract
import Kernels

extension Explanation {
    /// The loss, output by output, and its gradient at the outputs.
    mutating func explainLoss(_ step: ExplainedStep, _ names: ValueNames) {
        let outputs = names[names.last]
        let gradient = step.valueGradients[names.last]
        blocks.append(.heading("Loss: \(step.loss.name)"))
        blocks.append(.formulas(step.loss.formulas))
        switch step.loss {
        case .kind(.crossEntropy): explainSoftmax(step, outputs, gradient)
        case .halfSquaredError, .kind: explainParts(step, outputs, names.targets, gradient)
        }
    }

    private mutating func explainParts(
        _ step: ExplainedStep, _ outputs: [String], _ targets: [String], _ gradient: [Double]
    ) {
        let evaluated = ExplainedStep.evaluate(step.loss, step.outputs, targets: step.targets, label: step.label)
        let (part, derivative) = step.loss.elementFormulas
        let count = step.outputs.count
        let divided = step.loss == .halfSquaredError || count == 1 ? "" : " / \(count)"
        func replaced(_ formula: String, _ i: Int) -> (String, String) {
            (
                LayerFormula.replacing(formula, ["o": outputs[i], "t": targets[i]]),
                LayerFormula.replacing(
                    formula, ["o": Numbers.factor(step.outputs[i]), "t": Numbers.factor(step.targets[i])])
            )
        }
        var equations: [Equation] = []
        for i in outputs.indices {
            let (symbols, numbers) = replaced(part, i)
            equations.append(Equation("L\(i + 1)", symbols, numbers, evaluated.parts[i]))
        }
        let (sum, numbers) = (
            outputs.indices.map { "L\($0 + 1)" }.joined(separator: " + "),
            evaluated.parts.map { Numbers.factor($0) }.joined(separator: " + ")
        )
        equations.append(
            divided.isEmpty
                ? Equation("L", sum, numbers, evaluated.value)
                : Equation("L", "(\(sum))\(divided)", "(\(numbers))\(divided)", evaluated.value))
        for i in outputs.indices {
            let (symbols, numbers) = replaced(derivative, i)
            equations.append(
                Equation("dL/d\(outputs[i])", "\(symbols)\(divided)", "\(numbers)\(divided)", gradient[i]))
        }
        blocks.append(.equations(equations))
    }

    private mutating func explainSoftmax(_ step: ExplainedStep, _ outputs: [String], _ gradient: [Double]) {
        let label = step.label ?? 0
        let powers = step.outputs.map { Double.exponential($0) }
        let sum = powers.reduce(0, +)
        var equations = [
            Equation(
                "s", Self.sum(outputs.map { "e^\($0)" }), Self.sum(step.outputs.map { "e^\(Numbers.factor($0))" }), sum)
        ]
        for i in outputs.indices {
            equations.append(
                Equation(
                    "p\(i + 1)", "e^\(outputs[i]) / s",
                    "e^\(Numbers.factor(step.outputs[i])) / \(Numbers.factor(sum))",
                    gradient[i] + (i == label ? 1 : 0)))
        }
        let probability = gradient[label] + 1
        equations.append(
            Equation("L", "−ln(p\(label + 1))", "−ln(\(Numbers.text(probability)))", step.lossValue))
        for i in outputs.indices {
            let target = i == label ? 1.0 : 0
            equations.append(
                Equation(
                    "dL/d\(outputs[i])", "p\(i + 1) − \(Numbers.text(target))",
                    "\(Numbers.factor(gradient[i] + target)) − \(Numbers.text(target))", gradient[i]))
        }
        blocks.append(.equations(equations))
    }
}

extension ExplainedLoss {
    /// Of one output o with target t, and its derivative.
    var elementFormulas: (part: String, derivative: String) {
        switch self {
        case .halfSquaredError: ("½ · (t − o)²", "−(t − o)")
        case .kind(.meanSquaredError): ("(o − t)²", "2 · (o − t)")
        case .kind(.meanAbsoluteError): ("|o − t|", "sign(o − t)")
        case .kind(.binaryCrossEntropy): ("ln(1 + e^o) − o · t", "(1 / (1 + e^−o) − t)")
        case .kind(.crossEntropy): ("−ln(p) at the label", "p − t")
        }
    }

    var formulas: [String] {
        let (part, derivative) = elementFormulas
        switch self {
        case .halfSquaredError: return ["L = Σ \(part)", "dL/do = \(derivative)"]
        case .kind(.crossEntropy):
            return ["p = e^o / Σ e^o", "L = −ln(p) at the label", "dL/do = p − 1 at the label, p elsewhere"]
        case .kind: return ["L = Σ \(part) / outputs", "dL/do = \(derivative) / outputs"]
        }
    }
}
