/// Where each named parameter lies in one flat buffer of floats.
///
/// Gradients and every optimizer state use the same layout. Each tensor begins at a multiple of `alignment` floats;
/// the gap before the next one stays zero and belongs to no tensor.
package struct ParameterLayout: Sendable, Equatable {
    /// Floats between possible starts of a tensor: 64 bytes.
    package static let alignment = 16
    /// Floats of a block: workers' slices begin at multiples of it, counted from a tensor's start.
    package static let blockSize = 1_024

    package struct Entry: Sendable, Equatable {
        package let name: String
        /// Extents in memory, row-major.
        package let shape: Shape
        package let range: Range<Int>
        /// How a file stores it: PyTorch's shape and order of axes.
        package let storage: Storage
    }

    /// The tensor that a file holds: memory's axes in another order, then seen as `shape`.
    package struct Storage: Sendable, Equatable {
        package let shape: Shape
        /// Axis i of the stored order is axis `axes[i]` in memory.
        package let axes: [Int]

        package init(shape: Shape, axes: [Int]) {
            self.shape = shape
            self.axes = axes
        }
    }

    package private(set) var entries: [Entry] = []
    /// Floats of the whole buffer, gaps included.
    package private(set) var floatCount = 0

    package init() {}

    /// Adds a tensor behind the last one and returns its range. Without `storage`, files store it as it is in memory.
    @discardableResult
    package mutating func append(_ name: String, _ shape: Shape, storage: Storage? = nil) -> Range<Int> {
        let range = floatCount..<floatCount + shape.elementCount
        let storage = storage ?? Storage(shape: shape, axes: Array(shape.extents.indices))
        precondition(
            storage.axes.sorted() == Array(shape.extents.indices)
                && storage.shape.elementCount == shape.elementCount,
            "ParameterLayout: \(name) \(shape) cannot be stored as \(storage.shape) by axes \(storage.axes)")
        entries.append(Entry(name: name, shape: shape, range: range, storage: storage))
        floatCount = (range.upperBound + Self.alignment - 1) / Self.alignment * Self.alignment
        return range
    }

    /// Floats that belong to a tensor.
    package var parameterCount: Int { entries.reduce(0) { $0 + $1.range.count } }
}

extension ParameterLayout.Entry {
    /// For each element in stored order, in order, its index in memory counted from the tensor's start.
    package func forEachStored(_ body: (_ stored: Int, _ inMemory: Int) -> Void) {
        let extents = shape.extents
        var strides = [Int](repeating: 1, count: extents.count)
        for axis in stride(from: extents.count - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] * extents[axis + 1]
        }
        var index = [Int](repeating: 0, count: extents.count)
        var inMemory = 0
        for stored in 0..<range.count {
            body(stored, inMemory)
            // Counts up like an odometer whose last digit is the last stored axis.
            for axis in storage.axes.reversed() {
                index[axis] += 1
                inMemory += strides[axis]
                if index[axis] < extents[axis] { break }
                inMemory -= strides[axis] * extents[axis]
                index[axis] = 0
            }
        }
    }

    /// A copy in stored order.
    package func stored(_ values: UnsafePointer<Float>) -> [Float] {
        let axes = storage.axes
        if axes == Array(axes.indices) { return Array(UnsafeBufferPointer(start: values, count: range.count)) }
        return [Float](unsafeUninitializedCapacity: range.count) { target, count in
            count = range.count
            // The last axis first and the others as they are: a matrix, transposed.
            if axes == [axes.count - 1] + Array(0..<axes.count - 1), let columns = shape.extents.last, columns > 0 {
                transpose(values, rows: range.count / columns, columns: columns, to: target)
            } else {
                forEachStored { target[$0] = values[$1] }
            }
        }
    }

    /// `target[c][r] = source[r][c]`, in blocks of which rows and columns are whole cache lines.
    private func transpose(
        _ source: UnsafePointer<Float>, rows: Int, columns: Int, to target: UnsafeMutableBufferPointer<Float>
    ) {
        let block = ParameterLayout.alignment
        for firstColumn in stride(from: 0, to: columns, by: block) {
            for firstRow in stride(from: 0, to: rows, by: block) {
                for column in firstColumn..<min(firstColumn + block, columns) {
                    for row in firstRow..<min(firstRow + block, rows) {
                        target[column * rows + row] = source[row * columns + column]
                    }
                }
            }
        }
    }
}
