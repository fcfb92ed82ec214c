import Kernels
import Models
import Tensors

/// The names of the input's elements and of each layer's outputs.
struct ValueNames {
    /// Of the input (0) and of layer i's outputs (i).
    private let names: [[String]]
    let targets: [String]

    init(_ step: ExplainedStep) {
        let layers = step.network.chain.layers
        var names = [(0..<step.values[0].count).map { "x\($0 + 1)" }]
        for (index, layer) in layers.enumerated() {
            var letter = "a"
            if case .weightedSum = layer.terms(step.values[index])?.first?.kind { letter = "z" }
            names.append((0..<step.values[index + 1].count).map { "\(letter)\(index + 1)_\($0 + 1)" })
        }
        self.names = names
        targets = step.targets.indices.map { "t\($0 + 1)" }
    }

    subscript(index: Int) -> [String] { names[index] }
    /// The outputs' index.
    var last: Int { names.count - 1 }
}

extension ExplainedStep {
    /// In the order of their names.
    var orderedParameters: [(name: String, index: Int)] { network.layout.entries.flatMap(ordered) }

    func parameters(of layer: Int) -> [(name: String, index: Int)] {
        network.tensors[layer].flatMap { ordered(network.layout.entries[$0]) }
    }

    private func ordered(_ entry: ParameterLayout.Entry) -> [(name: String, index: Int)] {
        var result: [(name: String, index: Int)] = []
        entry.forEachStored { _, inMemory in
            let index = entry.range.lowerBound + inMemory
            result.append((names[index] ?? "", index))
        }
        return result
    }

    /// Of an element-wise layer: what a gradient of 1 becomes.
    func derivatives(_ layer: Int) -> [Double] {
        var gradients = [Double](repeating: 0, count: network.layout.floatCount)
        return network.chain.layers[layer].backward(
            ReferencePass(x: values[layer], y: values[layer + 1], dy: values[layer + 1].map { _ in 1 }),
            parameters: parameters, batch: batch, gradients: &gradients)
    }

    /// An output in symbols and in numbers.
    func sides(_ output: OutputTerms, _ inputs: [String], _ x: [Double]) -> ([String], [String]) {
        switch output.kind {
        case .weightedSum(let weights, let bias):
            let symbols = zip(weights, output.inputs).map { "\(names[$0] ?? "") · \(inputs[$1])" }
            let numbers = zip(weights, output.inputs).map {
                "\(Numbers.factor(parameters[$0])) · \(Numbers.factor(x[$1]))"
            }
            return (
                Explanation.sum(symbols + [names[bias] ?? ""]),
                Explanation.sum(numbers + [Numbers.factor(parameters[bias])])
            )
        case .mean:
            let count = output.inputs.count
            func mean(_ terms: [String]) -> [String] {
                var terms = Explanation.sum(terms)
                terms[0] = "(" + terms[0]
                terms[terms.count - 1] += ") / \(count)"
                return terms
            }
            return (mean(output.inputs.map { inputs[$0] }), mean(output.inputs.map { Numbers.factor(x[$0]) }))
        case .greatest(let winner):
            func list(_ terms: [String]) -> [String] {
                terms.enumerated().map { index, term in
                    (index == 0 ? "max(" : "") + term + (index == terms.count - 1 ? ")" : ",")
                }
            }
            return (list(output.inputs.map { inputs[$0] }), [inputs[winner]])
        }
    }
}

extension LayerFormula {
    /// What stands behind the first equals sign.
    static func rightSide(_ formula: String) -> String {
        guard let sign = formula.firstIndex(of: "=") else { return formula }
        return String(formula[formula.index(after: sign)...].drop { $0 == " " })
    }

    /// Puts other words for letters that stand alone.
    static func replacing(_ formula: String, _ words: [Character: String]) -> String {
        let characters = Array(formula)
        func isLetter(_ index: Int) -> Bool { characters.indices.contains(index) && characters[index].isLetter }
        return characters.indices.map { index in
            let isAlone = !isLetter(index - 1) && !isLetter(index + 1)
            return isAlone ? words[characters[index]] ?? String(characters[index]) : String(characters[index])
        }.joined()
    }
}
