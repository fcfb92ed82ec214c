/// The extents of a tensor, outermost first; row-major.
package struct Shape: Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
    package let extents: [Int]
    /// Of a flattened shape, the extents that it had: they decide in which order files store weights that meet it
    /// (`ParameterLayout.Storage`). Takes no part in equality.
    package let flattenedExtents: [Int]?

    package init(_ extents: [Int]) {
        self.extents = extents
        flattenedExtents = nil
    }

    package init(arrayLiteral elements: Int...) { self.init(elements) }

    private init(flattening extents: [Int]) {
        self.extents = [extents.reduce(1, *)]
        flattenedExtents = extents
    }

    /// One dimension with the same elements in the same order.
    package var flattened: Shape { extents.count == 1 ? self : Shape(flattening: extents) }

    package var elementCount: Int { extents.reduce(1, *) }
    package var description: String { "[" + extents.map(String.init).joined(separator: ", ") + "]" }
}

extension Shape {
    /// How a tensor with one element for each of this shape's lies in memory, channels last, and how files store it,
    /// channels first as in PyTorch. `flattened` shapes count as what they were.
    package var channelsFirstStorage: (memoryShape: Shape, storage: ParameterLayout.Storage) {
        let extents = flattenedExtents ?? extents
        guard extents.count == 3 else {
            return (self, ParameterLayout.Storage(shape: self, axes: Array(self.extents.indices)))
        }
        let (height, width, channels) = (extents[0], extents[1], extents[2])
        let stored: Shape = flattenedExtents == nil ? [channels, height, width] : [elementCount]
        return (Shape(extents), ParameterLayout.Storage(shape: stored, axes: [2, 0, 1]))
    }
}

extension Shape: Hashable {
    package static func == (left: Shape, right: Shape) -> Bool { left.extents == right.extents }
    package func hash(into hasher: inout Hasher) { hasher.combine(extents) }
}
