/// Owns `count` elements in memory that begins at a 64-byte boundary (a cache line, an AVX-512 vector).
///
/// The memory is zero at first. It is freed with the owner, so pointers from `base` must not outlive it.
package struct AlignedBuffer<Element: BitwiseCopyable>: ~Copyable {
    package static var alignment: Int { 64 }
    package let base: UnsafeMutablePointer<Element>
    package let count: Int

    package init(count: Int) {
        precondition(count >= 0, "AlignedBuffer: count \(count) is negative")
        let byteCount = max(count, 1) * MemoryLayout<Element>.stride
        let raw = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: Self.alignment)
        raw.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        base = raw.assumingMemoryBound(to: Element.self)
        self.count = count
    }

    deinit { UnsafeMutableRawPointer(base).deallocate() }

    package subscript(index: Int) -> Element {
        get {
            precondition(index >= 0 && index < count, "AlignedBuffer: index \(index) is outside 0..<\(count)")
            return base[index]
        }
        set {
            precondition(index >= 0 && index < count, "AlignedBuffer: index \(index) is outside 0..<\(count)")
            base[index] = newValue
        }
    }

    package var bytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: base, count: count * MemoryLayout<Element>.stride)
    }
}

// The owner is the only handle; sharing between threads goes through pointers whose use is ordered by barriers.
extension AlignedBuffer: @unchecked Sendable {}
