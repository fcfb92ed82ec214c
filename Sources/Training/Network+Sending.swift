import Models

extension Network {
    /// By operation: when backward is done with it, the gradient is written from here on, and so much since the last time that
    /// sending it to other hosts is worth a message. Nil where it is not.
    var sendingStarts: [Int?] {
        var starts = [Int?](repeating: nil, count: operations.count)
        var end = layout.floatCount
        for operation in operations.indices.reversed() {
            guard let start = parameterStart(of: operation), start > 0, end - start >= Self.leastSentFloatCount
            else { continue }
            starts[operation] = start
            end = start
        }
        return starts
    }

    /// What `sendingStarts` lets a host send during the backward pass, with the time that is left by the count of operations.
    var earlyGradients: [ScalingModel.EarlyGradient] {
        let starts = sendingStarts
        var (parts, end) = ([ScalingModel.EarlyGradient](), layout.floatCount)
        for (operation, start) in starts.enumerated().reversed() {
            guard let start else { continue }
            parts.append(
                .init(
                    share: Double(end - start) / Double(layout.floatCount),
                    computeLeft: backwardFlopsPerSample(after: operation) / trainingFlopsPerSample))
            end = start
        }
        return parts
    }

    /// 128 KiB: a millisecond at 1 Gbit/s.
    private static let leastSentFloatCount = 32_768
}
