import Foundation

/// An independent dense network in Double, sample by sample, as a textbook writes it: the oracle of the fast one.
struct DoubleNetwork {
    /// Weights `[in][out]` and biases, with a rectifier between the layers.
    var weights: [[[Double]]]
    var biases: [[Double]]

    struct Gradients {
        var weights: [[[Double]]]
        var biases: [[Double]]
        var loss: Double
    }

    private func affine(_ layer: Int, _ x: [Double]) -> [Double] {
        biases[layer].indices.map { o in
            x.indices.reduce(biases[layer][o]) { $0 + x[$1] * weights[layer][$1][o] }
        }
    }

    /// Mean cross-entropy over the batch and its gradients.
    func gradients(_ batch: [(x: [Double], label: Int)]) -> Gradients {
        var result = Gradients(
            weights: weights.map { $0.map { $0.map { _ in 0 } } }, biases: biases.map { $0.map { _ in 0 } }, loss: 0)
        let scale = 1 / Double(batch.count)
        for (x, label) in batch {
            var inputs = [x]
            for layer in weights.indices {
                let y = affine(layer, inputs[layer])
                inputs.append(layer == weights.count - 1 ? y : y.map { max($0, 0) })
            }
            let logits = inputs[weights.count]
            let greatest = logits.max()!
            let sum = logits.reduce(0) { $0 + exp($1 - greatest) }
            result.loss += (log(sum) - logits[label] + greatest) * scale
            var dy = logits.enumerated().map { (exp($1 - greatest) / sum - ($0 == label ? 1 : 0)) * scale }
            for layer in weights.indices.reversed() {
                let input = inputs[layer]
                for i in input.indices {
                    for o in dy.indices { result.weights[layer][i][o] += input[i] * dy[o] }
                }
                for o in dy.indices { result.biases[layer][o] += dy[o] }
                dy = input.indices.map { i in
                    input[i] > 0 ? dy.indices.reduce(0) { $0 + dy[$1] * weights[layer][i][$1] } : 0
                }
            }
        }
        return result
    }

    /// All parameters in one list: weights row by row, then biases, layer by layer.
    var flat: [Double] { zip(weights, biases).flatMap { $0.flatMap { $0 } + $1 } }

    mutating func update(_ gradients: Gradients, _ rule: (Int, Double, Double) -> Double) {
        var index = 0
        func apply(_ p: inout Double, _ g: Double) {
            p = rule(index, p, g)
            index += 1
        }
        for layer in weights.indices {
            for i in weights[layer].indices {
                for o in weights[layer][i].indices { apply(&weights[layer][i][o], gradients.weights[layer][i][o]) }
            }
            for o in biases[layer].indices { apply(&biases[layer][o], gradients.biases[layer][o]) }
        }
    }
}
