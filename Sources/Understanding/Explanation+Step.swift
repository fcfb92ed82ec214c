import KernelContract
import Kernels
import Models
import Tensors

extension Explanation {
    /// The whole step: the network, forward, loss, backward, update, and what the step has changed.
    package init(_ step: ExplainedStep) {
        let names = ValueNames(step)
        blocks.append(.title("One step of gradient descent, number by number"))
        introduce(step, names)
        for index in step.network.chain.layers.indices { explainForward(step, names, layer: index) }
        explainLoss(step, names)
        for index in step.network.chain.layers.indices.reversed() { explainBackward(step, names, layer: index) }
        explainUpdate(step)
        compare(step, names)
    }

    private mutating func introduce(_ step: ExplainedStep, _ names: ValueNames) {
        let layers = step.network.chain.layers
        blocks.append(.heading("The network"))
        var rows = [["layer", "", "inputs", "outputs", "parameters"]]
        for (index, layer) in layers.enumerated() {
            let count = step.network.tensors[index].reduce(0) { $0 + step.network.layout.entries[$1].range.count }
            rows.append([
                "\(index + 1)", step.model[index].text, "\(layer.inputShape.elementCount)",
                "\(layer.outputShape.elementCount)", "\(count)",
            ])
        }
        blocks.append(.table(rows))
        blocks.append(
            .paragraph(
                "z stands for weighted sums and a for what other layers make of them, each with the number of its "
                    + "layer and its own. Weights and biases are numbered through all layers, the weights of one unit "
                    + "together (PyTorch's order)."))
        blocks.append(.heading("Sample and parameters"))
        if let label = step.label { blocks.append(.paragraph("The target is class \(label), counted from 0.")) }
        blocks.append(
            .equations(
                (zip(names[0], step.values[0]).map { $0 } + zip(names.targets, step.targets)).map {
                    Equation($0, [], [], $1)
                }
                    + step.orderedParameters.map { Equation($0.name, [], [], step.parameters[$0.index]) }
                    + [Equation("η", [], [], step.learningRate)]))
    }

    private mutating func explainForward(_ step: ExplainedStep, _ names: ValueNames, layer index: Int) {
        let layer = step.network.chain.layers[index]
        let (x, y) = (step.values[index], step.values[index + 1])
        let (inputs, outputs) = (names[index], names[index + 1])
        blocks.append(.heading("Forward, layer \(index + 1): \(step.model[index].text)"))
        blocks.append(.formulas([layer.formula.forward] + (layer.formula.note.isEmpty ? [] : [layer.formula.note])))
        if let terms = layer.terms(x) {
            blocks.append(
                .equations(
                    terms.enumerated().map { number, output in
                        let (symbols, numbers) = step.sides(output, inputs, x)
                        return Equation(outputs[number], symbols, numbers, y[number])
                    }))
        } else if layer.isElementwise {
            let derivatives = step.derivatives(index)
            blocks.append(
                .equations(
                    y.indices.map { i in
                        let formula = LayerFormula.rightSide(layer.formula.forward)
                        return Equation(
                            outputs[i],
                            LayerFormula.replacing(formula, ["z": inputs[i], "m": "m\(i + 1)"]),
                            LayerFormula.replacing(
                                formula, ["z": Numbers.factor(x[i]), "m": Numbers.factor(derivatives[i])]), y[i])
                    }))
        } else {
            blocks.append(.equations(zip(outputs, y).map { Equation($0, [], [], $1) }))
        }
    }

    private mutating func explainBackward(_ step: ExplainedStep, _ names: ValueNames, layer index: Int) {
        let layer = step.network.chain.layers[index]
        blocks.append(.heading("Backward, layer \(index + 1): \(step.model[index].text)"))
        blocks.append(
            .formulas((layer.formula.derivative.isEmpty ? [] : [layer.formula.derivative]) + layer.formula.backward))
        let x = step.values[index]
        if let terms = layer.terms(x) {
            explainTerms(step, names, layer: index, terms)
        } else if layer.isElementwise {
            explainDerivatives(step, names, layer: index)
        } else {
            blocks.append(
                .equations(
                    step.parameters(of: index).map { Equation("dL/d\($0.name)", [], [], step.gradients[$0.index]) }
                        + zip(names[index], step.valueGradients[index]).map { Equation("dL/d\($0)", [], [], $1) }))
        }
    }

    /// Local derivative and chain rule, element by element.
    private mutating func explainDerivatives(_ step: ExplainedStep, _ names: ValueNames, layer index: Int) {
        let layer = step.network.chain.layers[index]
        let (x, y) = (step.values[index], step.values[index + 1])
        let derivatives = step.derivatives(index)
        let formula = LayerFormula.rightSide(layer.formula.derivative)
        var equations: [Equation] = []
        for i in x.indices {
            let (z, a) = (names[index][i], names[index + 1][i])
            let (dy, dx) = (step.valueGradients[index + 1][i], step.valueGradients[index][i])
            equations += [
                Equation(
                    "d\(a)/d\(z)", LayerFormula.replacing(formula, ["z": z, "a": a, "m": "m\(i + 1)"]),
                    LayerFormula.replacing(
                        formula,
                        [
                            "z": Numbers.factor(x[i]), "a": Numbers.factor(y[i]),
                            "m": Numbers.factor(derivatives[i]),
                        ]), derivatives[i]),
                Equation(
                    "dL/d\(z)", "dL/d\(a) · d\(a)/d\(z)",
                    "\(Numbers.factor(dy)) · \(Numbers.factor(derivatives[i]))", dx),
            ]
        }
        blocks.append(.equations(equations))
    }

    /// Weights, biases and inputs of a layer whose outputs are sums, means or choices of inputs.
    private mutating func explainTerms(
        _ step: ExplainedStep, _ names: ValueNames, layer index: Int, _ terms: [OutputTerms]
    ) {
        let (x, dx) = (step.values[index], step.valueGradients[index])
        let dy = step.valueGradients[index + 1]
        let (inputs, outputs) = (names[index], names[index + 1])
        // What reaches each parameter and each input: a product of an output's gradient with a factor.
        var parameterParts = [Int: [(symbols: String, numbers: String)]]()
        var inputParts = [[(symbols: String, numbers: String)]](repeating: [], count: x.count)
        for (output, term) in terms.enumerated() {
            let (dz, number) = ("dL/d\(outputs[output])", Numbers.factor(dy[output]))
            switch term.kind {
            case .weightedSum(let weights, let bias):
                for (weight, input) in zip(weights, term.inputs) {
                    let name = step.names[weight] ?? ""
                    parameterParts[weight, default: []].append(
                        ("\(dz) · \(inputs[input])", "\(number) · \(Numbers.factor(x[input]))"))
                    inputParts[input].append(
                        ("\(dz) · \(name)", "\(number) · \(Numbers.factor(step.parameters[weight]))"))
                }
                parameterParts[bias, default: []].append((dz, number))
            case .mean:
                for input in term.inputs {
                    inputParts[input].append(("\(dz) / \(term.inputs.count)", "\(number) / \(term.inputs.count)"))
                }
            case .greatest(let input): inputParts[input].append((dz, number))
            }
        }
        func equation(_ name: String, _ parts: [(symbols: String, numbers: String)], _ value: Double) -> Equation {
            Equation("dL/d\(name)", Self.sum(parts.map(\.symbols)), Self.sum(parts.map(\.numbers)), value)
        }
        blocks.append(
            .equations(
                step.parameters(of: index).map {
                    equation($0.name, parameterParts[$0.index] ?? [], step.gradients[$0.index])
                } + inputs.indices.map { equation(inputs[$0], inputParts[$0], dx[$0]) }))
    }

    private mutating func explainUpdate(_ step: ExplainedStep) {
        blocks.append(.heading("Update"))
        blocks.append(.formulas(["p⁺ = p − η · dL/dp", "with all gradients from before the step"]))
        let rate = Numbers.text(step.learningRate)
        blocks.append(
            .equations(
                step.orderedParameters.map { name, index in
                    Equation(
                        "\(name)⁺", "\(name) − η · dL/d\(name)",
                        "\(Numbers.text(step.parameters[index])) − \(rate) · \(Numbers.factor(step.gradients[index]))",
                        step.updated[index])
                }))
    }

    private mutating func compare(_ step: ExplainedStep, _ names: ValueNames) {
        blocks.append(.heading("Before and after"))
        var rows = [["", "before", "after"]]
        for (name, pair) in zip(names[names.last], zip(step.outputs, step.outputsAfter)) {
            rows.append([name, Numbers.text(pair.0), Numbers.text(pair.1)])
        }
        rows.append(["L", Numbers.text(step.lossValue), Numbers.text(step.lossAfter)])
        blocks.append(.table(rows))
    }

    /// What is published about the default example, beside what was computed.
    package mutating func comparePublished(_ step: ExplainedStep) {
        func word(_ value: Double, _ published: String) -> String {
            PublishedExample.agrees(value, published) ? "agrees" : "DIFFERS"
        }
        blocks.append(.heading("Beside the published values"))
        blocks.append(
            .paragraph(
                "This is the example of Matt Mazur's \"A Step by Step Backpropagation Example\" (2015). There the "
                    + "two units of a layer share a bias that is not updated; here each has its own, which learns."))
        var rows = [["", "published", "here", ""]]
        rows.append([
            "L", PublishedExample.totalError, Numbers.text(step.lossValue),
            word(step.lossValue, PublishedExample.totalError),
        ])
        for (name, published) in PublishedExample.weights {
            let value = step.parameter(name).map { step.updated[$0] } ?? .nan
            rows.append(["\(name)⁺", published, Numbers.text(value), word(value, published)])
        }
        blocks.append(.table(rows))
    }

    /// Terms with the plus signs in front of all but the first.
    static func sum(_ terms: [String]) -> [String] {
        terms.isEmpty ? ["0"] : terms.prefix(1) + terms.dropFirst().map { "+ \($0)" }
    }
}
