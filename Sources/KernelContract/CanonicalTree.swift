/// The one tree by which everything that sums over samples is summed, whatever the number of workers.
///
/// A batch is cut into `n` grains. `T(a, 1)` is grain `a`; `T(a, n) = T(a, p) + T(a + p, n − p)` with `p` the largest
/// power of two below `n`. The shape of `T(a, n)` depends on `n` alone.
package enum CanonicalTree {
    /// The subtree `T(first, count)`.
    package struct Node: Hashable, Sendable {
        package let first: Int
        package let count: Int

        package init(first: Int, count: Int) {
            self.first = first
            self.count = count
        }

        package var grains: Range<Int> { first..<first + count }
    }

    /// The largest power of two below `count`, which must be at least 2: the grains of a node's left child.
    package static func leftCount(_ count: Int) -> Int {
        precondition(count >= 2, "CanonicalTree: \(count) grain has no children")
        return 1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount)
    }

    /// The maximal subtrees of `T(0, grainCount)` that lie inside `run`, in order; together they cover it.
    package static func maximalNodes(in run: Range<Int>, grainCount: Int) -> [Node] {
        var nodes: [Node] = []
        func visit(_ node: Node) {
            if run.lowerBound <= node.first && node.grains.upperBound <= run.upperBound {
                nodes.append(node)
            } else if node.first < run.upperBound && run.lowerBound < node.grains.upperBound {
                let left = leftCount(node.count)
                visit(Node(first: node.first, count: left))
                visit(Node(first: node.first + left, count: node.count - left))
            }
        }
        if !run.isEmpty { visit(Node(first: 0, count: grainCount)) }
        return nodes
    }

    /// How `T(0, grainCount)` is finished from `leaves`: a stack machine pushes the leaves in order, and after leaf
    /// `i` it replaces the two topmost values `additions[i]` times by their sum (lower + upper).
    ///
    /// `leaves` are subtrees that cover all the grains in order, such as every worker's maximal nodes.
    package static func additions(leaves: [Node], grainCount: Int) -> [Int] {
        var additions = [Int](repeating: 0, count: leaves.count)
        var next = 0
        func visit(_ node: Node) {
            precondition(next < leaves.count, "CanonicalTree: the leaves end before grain \(node.first)")
            if leaves[next] == node {
                next += 1
                return
            }
            precondition(node.count > 1, "CanonicalTree: \(leaves[next]) is no subtree of T(0, \(grainCount))")
            let left = leftCount(node.count)
            visit(Node(first: node.first, count: left))
            visit(Node(first: node.first + left, count: node.count - left))
            additions[next - 1] += 1
        }
        if grainCount > 0 { visit(Node(first: 0, count: grainCount)) }
        precondition(
            next == leaves.count, "CanonicalTree: \(leaves.count - next) leaves lie beyond T(0, \(grainCount))")
        return additions
    }

    /// `T(0, count)` over values of any kind: the definition, and what sums losses. An empty sum is `zero`.
    package static func sum<Value>(
        count: Int, zero: Value, _ value: (Int) -> Value, _ add: (Value, Value) -> Value
    ) -> Value {
        func visit(_ first: Int, _ count: Int) -> Value {
            guard count > 1 else { return value(first) }
            let left = leftCount(count)
            return add(visit(first, left), visit(first + left, count - left))
        }
        return count == 0 ? zero : visit(0, count)
    }

    package static func sum<Value>(_ values: [Value], zero: Value, _ add: (Value, Value) -> Value) -> Value {
        sum(count: values.count, zero: zero, { values[$0] }, add)
    }
}

/// A batch cut into grains, and who computes which.
package struct GrainPartition: Hashable, Sendable {
    package let sampleCount: Int
    package let grainSize: Int

    package init(sampleCount: Int, grainSize: Int) {
        precondition(sampleCount >= 0 && grainSize > 0, "GrainPartition: \(sampleCount) samples, grain \(grainSize)")
        self.sampleCount = sampleCount
        self.grainSize = grainSize
    }

    package var grainCount: Int { (sampleCount + grainSize - 1) / grainSize }

    /// The grains of worker `rank` of `size`: contiguous runs in rank order, balanced to one grain, possibly empty. Worker 0
    /// always has one.
    package func grains(of rank: Int, size: Int) -> Range<Int> {
        (grainCount * rank + size - 1) / size..<(grainCount * (rank + 1) + size - 1) / size
    }

    /// The samples of consecutive grains, counted from the batch's first; the last grain may be short.
    package func samples(of grains: Range<Int>) -> Range<Int> {
        min(grains.lowerBound * grainSize, sampleCount)..<min(grains.upperBound * grainSize, sampleCount)
    }
}
