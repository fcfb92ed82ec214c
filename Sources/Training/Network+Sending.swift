import Models

extension Network {
    /// By operation: when backward is done with it, the gradient is written from here on, and so much since the last time that
    /// sending it to other hosts is worth a message. Nil where it is not.
    var sendingStarts: [Int?] {
        var starts = [Int?](repeating: nil, count: operations.count)
        var end = layout.floatCount
        for operation in operations.indices.reversed() {
            guard let start = parameterStart(of: operation), end - start >= Self.leastSentFloatCount,
                start >= Self.leastSentFloatCount
            else { continue }
            starts[operation] = start
            end = start
        }
        return starts
    }

    /// 128 KiB: a millisecond at 1 Gbit/s.
    private static let leastSentFloatCount = 32_768
}
