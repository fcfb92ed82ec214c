extension ParameterLayout {
    /// Floats of every block of at most `blockSize`, counted from each tensor's start; gaps belong to none.
    package var blocks: [Range<Int>] {
        entries.flatMap { entry in
            stride(from: entry.range.lowerBound, to: entry.range.upperBound, by: Self.blockSize).map {
                $0..<min($0 + Self.blockSize, entry.range.upperBound)
            }
        }
    }

    /// By tensor, which of `blocks` are its own.
    package var blocksByEntry: [Range<Int>] {
        var next = 0
        return entries.map { entry in
            let count = (entry.range.count + Self.blockSize - 1) / Self.blockSize
            defer { next += count }
            return next..<next + count
        }
    }

    /// Which of `blocks` worker 0, 1, … of `size` owns: contiguous ranges that begin where the one before ends, possibly
    /// empty.
    ///
    /// - Parameter costs: What each block costs its owner, in any unit; nil where all cost the same. The ranges are
    ///   balanced to about one block's cost.
    /// - Parameter shares: By worker, its part of the cost, in any unit; nil where all have the same.
    package func blockRanges(size: Int, costs: [Double]? = nil, shares: [Double]? = nil) -> [Range<Int>] {
        let count = blocksByEntry.last?.upperBound ?? 0
        precondition(
            costs.map { $0.count == count } ?? true, "ParameterLayout: \(costs?.count ?? 0) costs of \(count) blocks")
        precondition(
            shares.map { $0.count == size } ?? true, "ParameterLayout: \(shares?.count ?? 0) shares of \(size) workers")
        if costs == nil && shares == nil {
            return (0..<size).map { count * $0 / size..<count * ($0 + 1) / size }
        }
        // The sum of the costs of all blocks before one.
        var sums = [0.0]
        for cost in costs ?? [Double](repeating: 1, count: count) { sums.append(sums[sums.count - 1] + cost) }
        let shares = shares ?? [Double](repeating: 1, count: size)
        let total = shares.reduce(0, +)
        var boundaries = [0]
        for worker in 1..<max(size, 1) {
            let share = sums[count] * shares[..<worker].reduce(0, +) / total
            var boundary = boundaries[worker - 1]
            while boundary < count && sums[boundary + 1] - share <= share - sums[boundary] { boundary += 1 }
            boundaries.append(boundary)
        }
        boundaries.append(count)
        return (0..<size).map { boundaries[$0]..<boundaries[$0 + 1] }
    }

    /// What part of all `costs` the blocks of worker `rank` are.
    package func costShare(of rank: Int, size: Int, costs: [Double], shares: [Double]) -> Double {
        let total = costs.reduce(0, +)
        return total > 0 ? costs[blockRanges(size: size, costs: costs, shares: shares)[rank]].reduce(0, +) / total : 0
    }

    /// The contiguous part of the flat buffer that consecutive `blocks` cover, with the gaps behind tensors; the blocks of
    /// all workers cover the whole buffer.
    package func slice(ofBlocks blocks: Range<Int>) -> Range<Int> {
        let starts = entries.flatMap {
            Array(stride(from: $0.range.lowerBound, to: $0.range.upperBound, by: Self.blockSize))
        }
        func boundary(_ block: Int) -> Int {
            block < starts.count ? (block == 0 ? 0 : starts[block]) : floatCount
        }
        return boundary(blocks.lowerBound)..<boundary(blocks.upperBound)
    }

    /// The slice of worker `rank` of `size` where all floats cost the same.
    package func slice(of rank: Int, size: Int) -> Range<Int> {
        precondition(rank >= 0 && rank < size, "ParameterLayout: rank \(rank) is outside 0..<\(size)")
        return slice(ofBlocks: blockRanges(size: size)[rank])
    }
}
