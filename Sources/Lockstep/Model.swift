import Models
import Tensors

/// A chain of layers.
///
/// ```swift
/// let model = Model {
///     Convolution(32, kernel: 3)
///     ReLU()
///     MaxPool(2)
///     Dense(128)
///     ReLU()
///     Dense(10)
/// }
/// ```
///
/// The same model can be an array, `Model([Dense(128), ReLU(), Dense(10)])`, or a text in the language of
/// `lockstep train --model`, `Model(text: "dense 128, relu, dense 10")`; within braces a text stands for the layers that
/// it names. Sizes and shapes are checked when the model meets data, or by ``summary(inputShape:)``.
public struct Model: Sendable, CustomStringConvertible {
    /// The model in the language of the command line.
    public let text: String

    /// Makes a model of the layers that the closure lists.
    public init(@ModelBuilder _ layers: () -> [any ModelLayer]) { self.init(layers()) }

    /// Makes a model of layers in their order.
    public init(_ layers: [any ModelLayer]) { text = layers.map(\.text).joined(separator: ", ") }

    /// Makes a model of its text, such as `"dense 128, relu, dense 10"`.
    public init(text: String) { self.text = text }

    public var description: String { text }

    /// The layers with their output shapes and numbers of parameters for samples of `inputShape`, such as `[28, 28]`.
    ///
    /// - Throws: ``LockstepError`` that names the layer whose shape does not fit.
    public func summary(inputShape: [Int]) throws -> [LayerSummary] {
        try translatingFailures {
            guard !inputShape.isEmpty, inputShape.allSatisfy({ (1...1 << 20).contains($0) }) else {
                throw LockstepError(message: "input shape \(inputShape): positive extents are needed", exitCode: 64)
            }
            let network = try Network(ModelText.parse(text), inputShape: Shape(inputShape), classCount: nil)
            return ModelSummary(network).rows.map {
                LayerSummary(layer: $0.layer, outputShape: $0.outputShape, parameterCount: $0.parameters)
            }
        }
    }
}

/// A layer of a model and what it makes of a sample.
public struct LayerSummary: Sendable, Hashable {
    /// As ``Model/text`` writes it.
    public let layer: String
    /// Of one sample; images are [height, width, channels].
    public let outputShape: [Int]
    public let parameterCount: Int
}

/// Collects layers, with `if`, `for` and texts among them.
@resultBuilder
public enum ModelBuilder {
    public static func buildExpression(_ layer: any ModelLayer) -> [any ModelLayer] { [layer] }
    public static func buildExpression(_ layers: [any ModelLayer]) -> [any ModelLayer] { layers }
    public static func buildExpression(_ text: String) -> [any ModelLayer] { [LayerText(text)] }
    public static func buildBlock(_ parts: [any ModelLayer]...) -> [any ModelLayer] { parts.flatMap { $0 } }
    public static func buildOptional(_ part: [any ModelLayer]?) -> [any ModelLayer] { part ?? [] }
    public static func buildEither(first: [any ModelLayer]) -> [any ModelLayer] { first }
    public static func buildEither(second: [any ModelLayer]) -> [any ModelLayer] { second }
    public static func buildArray(_ parts: [[any ModelLayer]]) -> [any ModelLayer] { parts.flatMap { $0 } }
}
