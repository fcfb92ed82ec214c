import KernelContract

extension VariantKernels {
    @inline(never)
    package func spinFusedMultiplyAdds(iterations: Int) -> Double {
        // 12 chains hide 4 cycles of latency on 2 units, with one register left over in AVX2's 16.
        #if AVX512
            typealias Block = Rows12
        #else
            typealias Block = Rows6
        #endif
        var block = Block()
        var a: Float = 0x1p-30
        let b = Vector(repeating: 0x1p-30)
        withUnsafePointer(to: &a) { a in
            for _ in 0..<iterations { block.step(a, 0, b) }
        }
        // The result depends on every chain, so that none is removed.
        var sum = Vector(repeating: 0)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: Block.rowCount * 16) { buffer in
            block.store(buffer.baseAddress!, stride: 16)
            for row in 0..<Block.rowCount { sum += load(UnsafePointer(buffer.baseAddress!) + row * 16) }
        }
        return laneSum(sum) >= 0 ? Double(iterations) * Double(Block.rowCount) * 16 * 2 : 0
    }
}
