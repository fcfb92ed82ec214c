import CMachine
import Glibc

/// Scratch memory of kernels: one per worker, reused by every call.
///
/// It lies in one huge page where the system has one to give. Copies of operands then are in neighbouring sets of the second
/// cache; pages of 4 KiB come from anywhere, and some meet in the same sets.
package struct KernelWorkspace: ~Copyable {
    /// 784 KiB: what the greediest kernel asks for.
    package static let floatCount = 200_704
    /// What `KernelSet.treeSum` asks for.
    package static let treeSumFloatCount = 32_768
    /// At a multiple of 2 MiB, zero at first.
    package let base: UnsafeMutablePointer<Float>
    private let region: UnsafeMutableRawPointer

    private static let pageByteCount = 2 << 20

    package init() {
        let byteCount = Self.floatCount * MemoryLayout<Float>.stride
        guard byteCount <= Self.pageByteCount, let region = lockstep_map(2 * Self.pageByteCount, 0) else {
            fatalError("KernelWorkspace: no memory for \(byteCount) bytes")
        }
        self.region = region
        let page = region.alignedUp(toMultipleOf: Self.pageByteCount)
        lockstep_wish_huge_pages(page, UInt(Self.pageByteCount))
        base = page.bindMemory(to: Float.self, capacity: Self.floatCount)
        // Touched here, so that no step waits for it.
        base.initialize(repeating: 0, count: Self.floatCount)
    }

    deinit { munmap(region, 2 * Self.pageByteCount) }
}
