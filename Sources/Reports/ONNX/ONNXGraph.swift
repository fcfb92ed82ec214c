import Foundation
import Tensors

/// Nodes and constants of an ONNX graph, as they are added.
struct ONNXGraph {
    private(set) var nodes: [ONNXNodeProto] = []
    private(set) var initializers: [ONNXTensorProto] = []

    /// Adds a node and returns the name of its output, which is the node's own.
    mutating func add(
        _ operation: String, _ inputs: [String], name: String, _ attributes: [ONNXAttributeProto] = []
    ) -> String {
        var node = ONNXNodeProto()
        node.opType = operation
        node.input = inputs
        node.name = name
        node.output = [name]
        node.attribute = attributes
        nodes.append(node)
        return name
    }

    /// Adds float32 values and returns their name.
    mutating func add(floats bytes: [UInt8], shape: [Int], name: String) -> String {
        var tensor = ONNXTensorProto()
        tensor.name = name
        tensor.dims = shape.map(Int64.init)
        tensor.dataType = Int32(ONNXTensorProto.DataType.float.rawValue)
        tensor.rawData = Data(bytes)
        initializers.append(tensor)
        return name
    }

    mutating func add(floats values: [Float], shape: [Int], name: String) -> String {
        add(floats: values.flatMap { littleEndianBytes($0.bitPattern) }, shape: shape, name: name)
    }

    /// Adds a vector of whole numbers, such as the shape that `Reshape` takes.
    mutating func add(integers values: [Int], name: String) -> String {
        var tensor = ONNXTensorProto()
        tensor.name = name
        tensor.dims = [Int64(values.count)]
        tensor.dataType = Int32(ONNXTensorProto.DataType.int64.rawValue)
        tensor.rawData = Data(values.flatMap { littleEndianBytes(UInt64(bitPattern: Int64($0))) })
        initializers.append(tensor)
        return name
    }

    /// Reshapes each sample of `value` to `extents`.
    mutating func reshape(_ value: String, to extents: [Int], name: String) -> String {
        let shape = add(integers: [-1] + extents, name: "\(name)/shape")
        return add("Reshape", [value, shape], name: name)
    }

    mutating func transpose(_ value: String, _ axes: [Int], name: String) -> String {
        add("Transpose", [value], name: name, [.integers("perm", axes)])
    }

    /// Gives a value that a node computes another name.
    mutating func rename(_ old: String, to new: String) {
        for index in nodes.indices {
            nodes[index].input = nodes[index].input.map { $0 == old ? new : $0 }
            nodes[index].output = nodes[index].output.map { $0 == old ? new : $0 }
        }
    }

    func computes(_ value: String) -> Bool { nodes.contains { $0.output.contains(value) } }
}

extension ONNXAttributeProto {
    static func integer(_ name: String, _ value: Int) -> ONNXAttributeProto {
        var attribute = ONNXAttributeProto()
        (attribute.name, attribute.type, attribute.i) = (name, .int, Int64(value))
        return attribute
    }

    static func integers(_ name: String, _ values: [Int]) -> ONNXAttributeProto {
        var attribute = ONNXAttributeProto()
        (attribute.name, attribute.type, attribute.ints) = (name, .ints, values.map(Int64.init))
        return attribute
    }

    static func float(_ name: String, _ value: Float) -> ONNXAttributeProto {
        var attribute = ONNXAttributeProto()
        (attribute.name, attribute.type, attribute.f) = (name, .float, value)
        return attribute
    }
}

extension ONNXValueInfoProto {
    /// A tensor whose first extent is the batch, of any size.
    init(_ name: String, _ type: ONNXTensorProto.DataType, _ extents: [Int], batch: String) {
        self.init()
        self.name = name
        var tensor = ONNXTypeProto.Tensor()
        tensor.elemType = Int32(type.rawValue)
        var first = ONNXTensorShapeProto.Dimension()
        first.dimParam = batch
        tensor.shape.dim =
            [first]
            + extents.map { extent in
                var dimension = ONNXTensorShapeProto.Dimension()
                dimension.dimValue = Int64(extent)
                return dimension
            }
        self.type.tensorType = tensor
    }
}

func littleEndianBytes<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
