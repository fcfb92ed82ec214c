import Errors
import Tensors

extension Network {
    /// - Parameter classCount: What the last layer must give; nil takes what it gives.
    package init(
        _ description: [LayerDescription], inputShape: Shape, classCount: Int?,
        settings: LayerSettings = LayerSettings()
    ) throws {
        try self.init(
            description, inputShape: inputShape, outputs: classCount.map { .classes($0) } ?? .any, settings: settings)
    }

    /// Elements of the narrowest layer's output: the bottleneck of an auto-encoder.
    package var narrowestFeatures: Int { layers.map(\.outputFeatures).min() ?? inputFeatures }
}

extension NetworkOutputs {
    /// What outputs of this kind are compared with.
    var target: LossTarget {
        switch self {
        case .inputs: .input
        case .columns: .columns
        case .classes, .any: .label
        }
    }

    /// - Throws: `Failure(.data)` where the last layer's shape is not what is asked for.
    func check(_ shape: Shape, of last: String, inputShape: Shape) throws {
        switch self {
        case .any: break
        case .classes(let count):
            guard shape == [count] else {
                throw Failure(
                    .data,
                    "model: \(last) gives \(shape) but one output for each of \(count) classes is needed, [\(count)]; "
                        + "end the model with \"dense \(count)\"")
            }
        case .columns(let count):
            guard shape == [count] else {
                throw Failure(
                    .data,
                    "model: \(last) gives \(shape) but one output for each target column is needed, [\(count)]; end the model "
                        + "with \"dense \(count)\"")
            }
        case .inputs:
            let count = inputShape.elementCount
            guard shape.elementCount == count else {
                throw Failure(
                    .data,
                    "model: \(last) gives \(shape), \(shape.elementCount) outputs, but --target input needs one for each of "
                        + "the \(count) elements of \(inputShape); end the model with \"dense \(count)\"")
            }
        }
    }
}
