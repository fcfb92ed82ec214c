import Tensors

/// What one file holds: named tensors, in order, and metadata.
///
/// Tensors of the network come first and have PyTorch's names and layout: parameters in layer order, then running
/// statistics in layer order. Whatever else a run keeps (optimizer state, moving average) follows under names that
/// begin with `statePrefix`.
package struct Checkpoint: Sendable, Equatable {
    package static let statePrefix = "state/"
    /// The value of `MetadataKey.format` in our files.
    package static let formatName = "lockstep"
    /// The value of `MetadataKey.formatVersion` for what is described here. Raised by a change that older readers
    /// cannot read.
    package static let formatVersion = 2

    package var tensors: [Tensor]
    package var metadata: Metadata

    package init(tensors: [Tensor] = [], metadata: Metadata = Metadata()) {
        self.tensors = tensors
        self.metadata = metadata
    }

    package subscript(name: String) -> Tensor? { tensors.first { $0.name.bytesEqual(name) } }

    /// SHA-256 in lowercase hexadecimal over the raw bytes of the network's float32 tensors, in order.
    package var parametersSHA256: String { Self.parametersSHA256(of: tensors) }

    package static func parametersSHA256(of tensors: [Tensor]) -> String {
        var hasher = ParametersHasher()
        for tensor in tensors where tensor.isHashedAsParameter { hasher.update(bytes: tensor.bytes) }
        return hasher.finish()
    }
}

extension Checkpoint {
    /// One tensor as the file stores it: row-major, little-endian, no padding.
    package struct Tensor: Sendable {
        package let name: String
        package let shape: Shape
        package let elementType: ElementType
        package let bytes: [UInt8]

        package init(_ name: String, _ shape: Shape, _ elementType: ElementType, bytes: [UInt8]) {
            precondition(
                bytes.count == shape.elementCount * elementType.byteCount,
                "Checkpoint.Tensor \(name): \(bytes.count) bytes for \(elementType.rawValue) \(shape)")
            self.name = name
            self.shape = shape
            self.elementType = elementType
            self.bytes = bytes
        }

        package init<Element: StoredElement>(_ name: String, _ shape: Shape, _ values: Span<Element>) {
            let bytes = values.withUnsafeBytes { [UInt8]($0) }
            self.init(name, shape, Element.elementType, bytes: bytes)
        }

        package init<Element: StoredElement>(_ name: String, _ shape: Shape, _ values: [Element]) {
            self.init(name, shape, values.span)
        }

        /// A copy of the elements. Traps when they are of another type: check `elementType` first.
        package func values<Element: StoredElement>(as type: Element.Type = Element.self) -> [Element] {
            precondition(
                elementType == Element.elementType,
                "Checkpoint.Tensor \(name): \(elementType.rawValue) read as \(Element.elementType.rawValue)")
            return [Element](unsafeUninitializedCapacity: shape.elementCount) { target, count in
                UnsafeMutableRawBufferPointer(target).copyBytes(from: bytes)
                count = shape.elementCount
            }
        }

        /// Whether `parametersSHA256` covers this tensor.
        package var isHashedAsParameter: Bool {
            elementType == .float32 && !name.utf8.starts(with: Checkpoint.statePrefix.utf8)
        }
    }
}

extension Checkpoint.Tensor: Equatable {
    package static func == (left: Self, right: Self) -> Bool {
        left.name.bytesEqual(right.name) && left.shape == right.shape && left.elementType == right.elementType
            && left.bytes == right.bytes
    }
}
