import KernelContract
import Models
import Tensors

/// One step of a network, as its description says it, in the order of `Network.operations`.
enum DescribedOperation {
    case layer(LayerDescription)
    /// Where a residual block begins: its input as it is.
    case blockBegin
    case blockSum

    static func all(_ description: [LayerDescription]) -> [DescribedOperation] {
        description.flatMap { part -> [DescribedOperation] in
            guard case .residual(let block) = part else { return [.layer(part)] }
            return [.blockBegin] + all(block.layers) + all(block.shortcut) + [.blockSum]
        }
    }
}

/// Each layer as operators of ONNX.
struct ONNXLayers {
    /// Of batch norm and layer norm: PyTorch's.
    private static let epsilon: Float = 1e-5

    var graph = ONNXGraph()
    let trained: TrainedNetwork

    init(_ trained: TrainedNetwork) { self.trained = trained }

    /// Adds a layer to the graph. A kind that is new does not compile here.
    mutating func add(_ layer: LayerDescription, _ input: ONNXValue, _ operation: Operation) -> ONNXValue {
        let name = operation.name
        func output(_ node: String) -> ONNXValue { ONNXValue(name: node, shape: operation.outputShape) }
        switch layer {
        case .dense:
            let x = graph.flat(input, name: name)
            let (weight, bias) = (constant("\(name).weight"), constant("\(name).bias"))
            return output(
                graph.add("Gemm", [x, weight, bias], name: "\(name)/dense", [.integer("transB", 1)]))
        case .relu: return output(graph.add("Relu", [input.name], name: "\(name)/relu"))
        case .convolution(let part): return output(convolution(part, graph.image(input, name: name), name))
        case .convolutionTranspose(let part):
            return output(transposedConvolution(part, graph.image(input, name: name), name))
        case .maxPool(let part):
            return pooled(
                "MaxPool", part, input, operation, [.integers("pads", [Int](repeating: part.padding, count: 4))])
        case .averagePool(let part): return pooled("AveragePool", part, input, operation)
        case .globalAveragePool:
            let means = graph.add("GlobalAveragePool", [graph.image(input, name: name)], name: "\(name)/means")
            return output(graph.add("Flatten", [means], name: "\(name)/global-avgpool", [.integer("axis", 1)]))
        case .flatten:
            return output(graph.flat(input, name: name))
        case .reshape:
            let elements = graph.inMemoryOrder(input, name: "\(name)/from")
            return graph.value(elements, hasExtents: input.shape.extents, of: operation.outputShape, name: name)
        case .batchNorm: return batchNorm(input, operation)
        case .layerNorm:
            let (scale, shift) = (constant("\(name).weight"), constant("\(name).bias"))
            return output(
                graph.add(
                    "LayerNormalization", [input.name, scale, shift], name: "\(name)/layernorm",
                    [.integer("axis", 1), .float("epsilon", Self.epsilon)]))
        case .softmax: return softmax(input, name: name)
        case .activation(let function):
            return output(activation(function, input.name, name: "\(name)/\(function.kind.rawValue)"))
        // In evaluation it gives what it takes.
        case .dropout: return input
        case .residual: preconditionFailure("ONNXLayers: a residual block is no layer")
        }
    }

    /// The end of a residual block.
    mutating func sum(_ inputs: [ONNXValue], _ operation: Operation) -> ONNXValue {
        let terms = inputs.enumerated().map { index, input in
            graph.converted(input, to: operation.outputShape, name: "\(operation.name)/term\(index)").name
        }
        return ONNXValue(name: graph.add("Add", terms, name: "\(operation.name)/sum"), shape: operation.outputShape)
    }

    /// Over the features of a sample, or the channels at each position of an image.
    mutating func softmax(_ input: ONNXValue, name: String) -> ONNXValue {
        let isGrey = input.shape.extents.count == 2
        let x = isGrey ? graph.flat(input, name: name) : input.name
        var y = graph.add("Softmax", [x], name: "\(name)/softmax", [.integer("axis", 1)])
        if isGrey { y = graph.reshape(y, to: input.shape.extents, name: "\(name)/image") }
        return ONNXValue(name: y, shape: input.shape)
    }

    /// As `Predictor.probabilities`. Pixels of an auto-encoder have Lockstep's order and the input's extents.
    mutating func probabilities(_ input: ONNXValue, _ loss: LossKind, pixels: Shape? = nil) -> ONNXValue {
        let name = "probabilities"
        var input = input
        if let pixels, loss != .binaryCrossEntropy, let standardization = trained.standardization {
            let scale = constant(standardization.scales, pixels, name: "\(name)/scale")
            let mean = constant(standardization.means, pixels, name: "\(name)/mean")
            let scaled = graph.add("Div", [input.name, scale], name: "\(name)/scaled")
            input.name = graph.add("Add", [scaled, mean], name: "\(name)/pixels")
        }
        switch loss {
        case .crossEntropy: return softmax(input, name: name)
        case .binaryCrossEntropy:
            return ONNXValue(name: graph.add("Sigmoid", [input.name], name: "\(name)/sigmoid"), shape: input.shape)
        case .meanSquaredError, .meanAbsoluteError:
            let low = graph.add(floats: [Float(0)], shape: [], name: "\(name)/low")
            let high = graph.add(floats: [Float(1)], shape: [], name: "\(name)/high")
            let cut = graph.add("Clip", [input.name, low, high], name: "\(name)/clip")
            return ONNXValue(name: cut, shape: input.shape)
        }
    }

    /// One value for each pixel, or one where all are the same.
    mutating func constant(_ values: [Float], _ shape: Shape, name: String) -> String {
        let isOne = values.allSatisfy { $0 == values[0] }
        return graph.add(floats: isOne ? [values[0]] : values, shape: isOne ? [] : shape.extents, name: name)
    }

    private mutating func constant(_ name: String) -> String {
        let tensor = trained.tensor(name)
        return graph.add(floats: tensor.bytes, shape: tensor.shape.extents, name: name)
    }

    private mutating func convolution(_ part: ConvolutionDescription, _ x: String, _ name: String) -> String {
        let (height, width) = (part.kernel.height, part.kernel.width)
        let pads: [Int]
        switch part.padding {
        case .zeros(let count): pads = [count, count, count, count]
        // Rows and columns before, then those behind, of which there may be one more.
        case .same: pads = [(height - 1) / 2, (width - 1) / 2, height / 2, width / 2]
        }
        return slide("Conv", part, x, pads, name, "\(name)/conv")
    }

    private mutating func transposedConvolution(
        _ part: ConvolutionDescription, _ x: String, _ name: String
    ) -> String {
        guard case .zeros(let count) = part.padding else {
            preconditionFailure("ONNXLayers: a transposed convolution with padding same")
        }
        return slide("ConvTranspose", part, x, [count, count, count, count], name, "\(name)/conv-transpose")
    }

    private mutating func slide(
        _ type: String, _ part: ConvolutionDescription, _ x: String, _ pads: [Int], _ name: String, _ node: String
    ) -> String {
        let (weight, bias) = (constant("\(name).weight"), constant("\(name).bias"))
        return graph.add(
            type, [x, weight, bias], name: node,
            [
                .integers("kernel_shape", [part.kernel.height, part.kernel.width]), .integers("pads", pads),
                .integers("strides", [part.stride, part.stride]),
            ])
    }

    private mutating func pooled(
        _ type: String, _ part: PoolDescription, _ input: ONNXValue, _ operation: Operation,
        _ attributes: [ONNXAttributeProto] = []
    ) -> ONNXValue {
        let x = graph.image(input, name: operation.name)
        let y = graph.add(
            type, [x], name: "\(operation.name)/\(type.lowercased())",
            [
                .integers("kernel_shape", [part.kernel.height, part.kernel.width]),
                .integers("strides", [part.stride, part.stride]),
            ] + attributes)
        return ONNXValue(name: y, shape: operation.outputShape)
    }

    private mutating func batchNorm(_ input: ONNXValue, _ operation: Operation) -> ONNXValue {
        let name = operation.name
        let x = graph.image(input, name: name)
        let constants = ["weight", "bias", "running_mean", "running_var"].map { constant("\(name).\($0)") }
        var y = graph.add(
            "BatchNormalization", [x] + constants, name: "\(name)/batchnorm", [.float("epsilon", Self.epsilon)])
        if x != input.name { y = graph.reshape(y, to: input.shape.extents, name: "\(name)/grey") }
        return ONNXValue(name: y, shape: operation.outputShape)
    }

    private mutating func activation(_ function: ActivationFunction, _ x: String, name: String) -> String {
        switch function.kind {
        case .leakyReLU: return graph.add("LeakyRelu", [x], name: name, [.float("alpha", function.constant)])
        case .elu: return graph.add("Elu", [x], name: name, [.float("alpha", function.constant)])
        case .selu:
            let alpha = SELU.scaleAlpha / SELU.scale
            return graph.add("Selu", [x], name: name, [.float("alpha", alpha), .float("gamma", SELU.scale)])
        case .gelu: return gelu(x, name: name)
        case .silu:
            let sigmoid = graph.add("Sigmoid", [x], name: "\(name)/sigmoid")
            return graph.add("Mul", [x, sigmoid], name: name)
        case .sigmoid: return graph.add("Sigmoid", [x], name: name)
        case .tanh: return graph.add("Tanh", [x], name: name)
        case .softplus: return graph.add("Softplus", [x], name: name)
        case .identity: return graph.add("Identity", [x], name: name)
        }
    }

    /// `x (1 + erf(x / √2)) / 2`; ONNX has an operator of its own from opset 20 on only.
    private mutating func gelu(_ x: String, name: String) -> String {
        let root = graph.add(floats: [Float(2).squareRoot()], shape: [], name: "\(name)/root-of-2")
        let one = graph.add(floats: [Float(1)], shape: [], name: "\(name)/one")
        let half = graph.add(floats: [Float(0.5)], shape: [], name: "\(name)/half")
        let scaled = graph.add("Div", [x, root], name: "\(name)/scaled")
        let error = graph.add("Erf", [scaled], name: "\(name)/erf")
        let shifted = graph.add("Add", [error, one], name: "\(name)/shifted")
        let product = graph.add("Mul", [x, shifted], name: "\(name)/product")
        return graph.add("Mul", [product, half], name: name)
    }
}
