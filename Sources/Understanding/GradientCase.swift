import KernelContract
import Models
import Tensors

/// One line of the table of `lockstep check-gradients`: a model of a single layer, or outputs and a loss.
package struct GradientCase: Sendable {
    /// A layer's or a loss's name in a model text or in `--loss`, which the case is there for.
    package let subject: String
    /// As the table shows it.
    package let title: String
    package let model: [LayerDescription]
    package let inputShape: Shape
    /// Nil: a sum of the outputs with random weights.
    package let loss: LossDescription?

    package init(
        subject: String, title: String, model: [LayerDescription], inputShape: Shape, loss: LossDescription? = nil
    ) {
        self.subject = subject
        self.title = title
        self.model = model
        self.inputShape = inputShape
        self.loss = loss
    }

    /// For each name of the model text: its spellings and the shapes that they are checked with. A name that is missing
    /// fails the check (and a test).
    static func layerExamples(_ name: String) -> [(text: String, inputShape: Shape)] {
        if let kind = ActivationKind(rawValue: name) {
            let standard: [(String, Shape)] = [(name, [9]), (name, [2, 3, 2])]
            return kind.constant == nil ? standard : standard + [("\(name) 0.3", [9])]
        }
        return switch name {
        case "dense": [("dense 4", [3]), ("dense 1", [7]), ("dense 3", [2, 3]), ("dense 5", [2, 2, 3])]
        case "relu": [("relu", [9]), ("relu", [2, 3, 2])]
        case "conv":
            [
                ("conv 3 3x3", [5, 6, 2]), ("conv 2 2x3 padding same", [6, 5, 2]), ("conv 2 4x1 padding same", [5, 4]),
                ("conv 3 3x2 stride 2 padding 1", [7, 8, 1]), ("conv 3 2x2 stride 3", [6, 7, 2]),
                ("conv 4 1x1", [3, 3, 3]),
            ]
        case "maxpool":
            [
                ("maxpool 2", [4, 6, 2]), ("maxpool 3 stride 2 padding 1", [5, 6, 2]),
                ("maxpool 2x3 stride 1", [4, 5]), ("maxpool 2 stride 3", [6, 5, 3]),
            ]
        case "avgpool":
            [("avgpool 2", [4, 6, 2]), ("avgpool 2x3 stride 2", [5, 7]), ("avgpool 3 stride 1", [4, 4, 2])]
        case "global-avgpool": [("global-avgpool", [3, 4, 2]), ("global-avgpool", [5, 2])]
        case "conv-transpose":
            [
                ("conv-transpose 3 3x3", [3, 4, 2]), ("conv-transpose 2 2x3 stride 2", [3, 2, 3]),
                ("conv-transpose 2 4x4 stride 2 padding 1", [3, 3]), ("conv-transpose 3 2x2 stride 3", [2, 3, 2]),
            ]
        case "flatten": [("flatten", [2, 3, 2])]
        case "reshape": [("reshape 2x3x2", [12]), ("reshape 12", [2, 3, 2])]
        case "batchnorm":
            [("batchnorm", [7]), ("batchnorm", [3, 2, 4]), ("batchnorm", [3, 4])]
        case "layernorm": [("layernorm", [7]), ("layernorm", [3, 2, 4]), ("layernorm", [20])]
        case "softmax": [("softmax", [5]), ("softmax", [2, 2, 4])]
        case "residual":
            [
                ("residual { dense 5, tanh, dense 4 }", [4]),
                ("residual { conv 2 3 padding same, batchnorm }", [3, 4, 2]),
                (
                    "residual { conv 3 3 stride 2 padding 1, batchnorm, tanh } shortcut { conv 3 1 stride 2 }",
                    [4, 5, 2]
                ),
                ("residual { residual { layernorm }, residual { dense 4, tanh } shortcut { dense 4 } }", [4]),
            ]
        case "dropout": [("dropout 0.4", [9]), ("dropout 0.2", [3, 3, 2])]
        default: []
        }
    }

    package static let layers: [(name: String, cases: [GradientCase])] = ModelText.layerNames.map { name in
        (
            name,
            layerExamples(name).map { example in
                // The texts are this table's own: one that does not parse is no case, and the layer is missing.
                GradientCase(
                    subject: name, title: "\(example.text) on \(example.inputShape)",
                    model: (try? ModelText.parse(example.text)) ?? [], inputShape: example.inputShape)
            }.filter { !$0.model.isEmpty }
        )
    }

    package static let losses: [GradientCase] = LossKind.allCases.flatMap { kind in
        var settings = [("", LossDescription(kind))]
        if kind == .crossEntropy {
            let weights = [0.5, 2, 1, 0.25, 3]
            settings.append(("label smoothing", LossDescription(kind, labelSmoothing: 0.1)))
            settings.append(("class weights", LossDescription(kind, classWeights: weights)))
            settings.append(("both", LossDescription(kind, labelSmoothing: 0.3, classWeights: weights)))
        }
        return settings.map { name, loss in
            GradientCase(
                subject: kind.rawValue, title: "loss \(kind.rawValue)\(name.isEmpty ? "" : ", \(name)")",
                model: [.dense(outputFeatures: 5)], inputShape: [4], loss: loss)
        }
    }
}
