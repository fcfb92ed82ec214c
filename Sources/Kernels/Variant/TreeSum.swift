import CMachine
import KernelContract

/// Floats of one step of a tree sum: a few of them fit L1 beside each other.
private let treeBlock = 512

extension VariantKernels {
    @inline(never)
    package func treeSum(
        _ sources: UnsafeBufferPointer<UnsafePointer<Float>>, additions: UnsafeBufferPointer<Int>, offset: Int,
        count: Int, to destination: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
    ) {
        guard sources.count > 1 else {
            for source in sources where source + offset != UnsafePointer(destination) {
                destination.update(from: source + offset, count: count)
            }
            return
        }
        withUnsafeTemporaryAllocation(
            of: UnsafePointer<Float>.self, capacity: KernelWorkspace.treeSumFloatCount / treeBlock
        ) { stack in
            for first in stride(from: 0, to: count, by: treeBlock) {
                let length = min(treeBlock, count - first)
                var depth = 0
                for leaf in 0..<sources.count {
                    stack[depth] = sources[leaf] + offset + first
                    depth += 1
                    for merge in 0..<additions[leaf] {
                        depth -= 1
                        let isLast = leaf == sources.count - 1 && merge == additions[leaf] - 1
                        let sum = isLast ? destination + first : workspace + (depth - 1) * treeBlock
                        add(stack[depth - 1], stack[depth], count: length, to: sum)
                        stack[depth - 1] = UnsafePointer(sum)
                    }
                }
            }
        }
    }

    @inline(__always)
    private func add(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int, to sum: UnsafeMutablePointer<Float>
    ) {
        var i = 0
        while i + 16 <= count {
            store(load(a + i) + load(b + i), sum + i)
            i += 16
        }
        while i < count {
            sum[i] = a[i] + b[i]
            i += 1
        }
    }
}

extension VariantKernels {
    // A line that another core has read is costly to write: its copy must be given up first, 7 ns a line on Zen 4, where
    // writing past the caches takes 3.
    @inline(never)
    package func post(_ source: UnsafePointer<Float>, count: Int, to destination: UnsafeMutablePointer<Float>) {
        var i = 0
        if UInt(bitPattern: destination) % 64 == 0 {
            while i + 16 <= count {
                lockstep_stream(load(source + i), destination + i)
                i += 16
            }
        }
        while i < count {
            destination[i] = source[i]
            i += 1
        }
    }
}
