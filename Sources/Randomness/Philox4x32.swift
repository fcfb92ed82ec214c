/// Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011).
///
/// A bijection of 128-bit counters chosen by a 64-bit key: any word of any stream is computed without the ones before.
package enum Philox4x32 {
    private static let multiplier0: UInt32 = 0xD251_1F53
    private static let multiplier1: UInt32 = 0xCD9E_8D57
    // Weyl steps of the key: the golden ratio and √3 − 1.
    private static let weyl0: UInt32 = 0x9E37_79B9
    private static let weyl1: UInt32 = 0xBB67_AE85

    /// The four words of `counter` under `key`, in the order of the authors' Random123 library.
    package static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var (c0, c1, c2, c3) = (counter[0], counter[1], counter[2], counter[3])
        var (k0, k1) = (key[0], key[1])
        for _ in 0..<10 {
            let product0 = multiplier0.multipliedFullWidth(by: c0)
            let product1 = multiplier1.multipliedFullWidth(by: c2)
            (c0, c1, c2, c3) = (product1.high ^ c1 ^ k0, product1.low, product0.high ^ c3 ^ k1, product0.low)
            k0 &+= weyl0
            k1 &+= weyl1
        }
        return SIMD4(c0, c1, c2, c3)
    }
}
