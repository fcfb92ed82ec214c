import Tensors

/// A value of the graph for samples that Lockstep keeps as `shape`, channels last.
///
/// ONNX has channels first. So an image [height, width, channels] is `[batch, channels, height, width]` here, and a flattened
/// one has that order too, which is the order in which checkpoints store the weights that meet it. Everything else lies as
/// in Lockstep.
struct ONNXValue {
    var name: String
    var shape: Shape

    /// [height, width, channels] where the order differs from Lockstep's.
    fileprivate var channelsFirst: [Int]? { shape.channelsFirst }
}

extension Shape {
    fileprivate var channelsFirst: [Int]? {
        let image = flattenedExtents ?? extents
        return image.count == 3 ? image : nil
    }

    /// Extents of a sample in the graph.
    var graphExtents: [Int] { extents.count == 3 ? [extents[2], extents[0], extents[1]] : extents }
}

extension ONNXGraph {
    /// The elements in Lockstep's order with Lockstep's extents.
    mutating func inMemoryOrder(_ value: ONNXValue, name: String) -> String {
        var result = value.name
        guard let image = value.channelsFirst else { return result }
        let isFlat = value.shape.extents.count == 1
        // Of one channel, or one position, both orders are the same.
        let isSameOrder = image[2] == 1 || image[0] * image[1] == 1
        if isFlat {
            guard !isSameOrder else { return result }
            result = reshape(result, to: [image[2], image[0], image[1]], name: "\(name)/image")
        }
        result = transpose(result, [0, 2, 3, 1], name: "\(name)/channels-last")
        return isFlat ? reshape(result, to: value.shape.extents, name: "\(name)/flat") : result
    }

    /// `elements`, which has Lockstep's order, as a value of `shape`.
    mutating func value(_ elements: String, hasExtents extents: [Int], of shape: Shape, name: String) -> ONNXValue {
        var result = elements
        guard let image = shape.channelsFirst else {
            if extents != shape.extents { result = reshape(result, to: shape.extents, name: "\(name)/shape") }
            return ONNXValue(name: result, shape: shape)
        }
        if extents != image { result = reshape(result, to: image, name: "\(name)/image") }
        result = transpose(result, [0, 3, 1, 2], name: "\(name)/channels-first")
        if shape.extents.count == 1 { result = reshape(result, to: shape.extents, name: "\(name)/flat") }
        return ONNXValue(name: result, shape: shape)
    }

    /// The same elements for a value that Lockstep keeps as `shape`.
    mutating func converted(_ value: ONNXValue, to shape: Shape, name: String) -> ONNXValue {
        if value.shape.extents == shape.extents && value.channelsFirst == shape.channelsFirst {
            return ONNXValue(name: value.name, shape: shape)
        }
        let elements = inMemoryOrder(value, name: "\(name)/from")
        return self.value(elements, hasExtents: value.shape.extents, of: shape, name: "\(name)/to")
    }

    /// `[batch, channels, height, width]`: images without channels get one.
    mutating func image(_ value: ONNXValue, name: String) -> String {
        guard value.shape.extents.count == 2 else { return value.name }
        return reshape(value.name, to: [1] + value.shape.extents, name: "\(name)/image")
    }

    /// `[batch, features]`, in the order of stored weights.
    mutating func flat(_ value: ONNXValue, name: String) -> String {
        guard value.shape.extents.count > 1 else { return value.name }
        return add("Flatten", [value.name], name: "\(name)/flat", [.integer("axis", 1)])
    }
}
