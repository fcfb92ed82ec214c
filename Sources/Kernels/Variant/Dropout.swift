import KernelContract

/// One lane of Philox4x32-10; the loop around it becomes vectors.
@inline(__always)
private func philox(
    _ c0: UInt32, _ c1: UInt32, _ c2: UInt32, _ c3: UInt32, _ key0: UInt32, _ key1: UInt32
) -> (UInt32, UInt32, UInt32, UInt32) {
    var (c0, c1, c2, c3) = (c0, c1, c2, c3)
    var (k0, k1) = (key0, key1)
    for _ in 0..<10 {
        let product0 = UInt64(c0) &* 0xD251_1F53
        let product1 = UInt64(c2) &* 0xCD9E_8D57
        c0 = UInt32(truncatingIfNeeded: product1 &>> 32) ^ c1 ^ k0
        c1 = UInt32(truncatingIfNeeded: product1)
        c2 = UInt32(truncatingIfNeeded: product0 &>> 32) ^ c3 ^ k1
        c3 = UInt32(truncatingIfNeeded: product0)
        k0 = k0 &+ 0x9E37_79B9
        k1 = k1 &+ 0xBB67_AE85
    }
    return (c0, c1, c2, c3)
}

extension VariantKernels {
    @inline(never)
    package func dropoutMask(
        _ stream: DropoutStream, position: UInt64, count: Int, threshold: UInt32, scale: Float,
        to mask: UnsafeMutablePointer<Float>
    ) {
        let (key0, key1) = (stream.key[0], stream.key[1])
        let (counter1, counter2, counter3) = (stream.counter1, stream.counter2, stream.counter3)
        @inline(__always)
        func factors(_ block: UInt64) -> (Float, Float, Float, Float) {
            let words = philox(
                UInt32(truncatingIfNeeded: block), counter1 | UInt32(truncatingIfNeeded: block &>> 32), counter2,
                counter3, key0, key1)
            return (
                words.0 &>> 8 >= threshold ? scale : 0, words.1 &>> 8 >= threshold ? scale : 0,
                words.2 &>> 8 >= threshold ? scale : 0, words.3 &>> 8 >= threshold ? scale : 0
            )
        }
        /// The words of one block that lie in the mask.
        func edge(_ block: UInt64) {
            let values = factors(block)
            let lanes = SIMD4<Float>(values.0, values.1, values.2, values.3)
            for lane in 0..<4 {
                let i = Int(truncatingIfNeeded: block &* 4 &- position) &+ lane
                if i >= 0 && i < count { mask[i] = lanes[lane] }
            }
        }
        guard count > 0 else { return }
        let end = position &+ UInt64(truncatingIfNeeded: count)
        let firstWhole = (position &+ 3) / 4
        let wholeCount = end / 4 > firstWhole ? Int(truncatingIfNeeded: end / 4 &- firstWhole) : 0
        if position % 4 != 0 { edge(position / 4) }
        let base = mask + Int(truncatingIfNeeded: firstWhole &* 4 &- position)
        for index in 0..<wholeCount {
            let values = factors(firstWhole &+ UInt64(truncatingIfNeeded: index))
            base[4 &* index] = values.0
            base[4 &* index &+ 1] = values.1
            base[4 &* index &+ 2] = values.2
            base[4 &* index &+ 3] = values.3
        }
        if end % 4 != 0 && end / 4 >= firstWhole { edge(end / 4) }
    }
}
