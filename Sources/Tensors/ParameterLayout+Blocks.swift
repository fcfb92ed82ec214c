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

    /// Which of `blocks` lie in the slice of worker `rank` of `size`.
    package func blocks(of rank: Int, size: Int) -> Range<Int> {
        let count = blocksByEntry.last?.upperBound ?? 0
        return count * rank / size..<count * (rank + 1) / size
    }
}
