import KernelContract

/// The one kernel that a reduction needs, element by element.
package struct ScalarTreeSum: KernelSet {
    package init() {}

    package var instructionSet: InstructionSet { .reference }

    package func treeSum(
        _ sources: UnsafeBufferPointer<UnsafePointer<Float>>, additions: UnsafeBufferPointer<Int>, offset: Int,
        count: Int, to destination: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count {
            var depth = 0
            for leaf in sources.indices {
                workspace[depth] = sources[leaf][offset + i]
                depth += 1
                for _ in 0..<additions[leaf] {
                    workspace[depth - 2] += workspace[depth - 1]
                    depth -= 1
                }
            }
            destination[i] = workspace[0]
        }
    }

    package func multiply(_ product: MatrixProduct, workspace: UnsafeMutablePointer<Float>) { unused() }
    package func weightGradient(_ gradient: WeightGradient, workspace: UnsafeMutablePointer<Float>) { unused() }
    package func biasGradient(
        rowCount: Int, columnCount: Int, grainSize: Int, rows: UnsafePointer<Float>, rowStride: Int,
        sums: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
    ) { unused() }
    package func convertPixels(
        _ source: UnsafePointer<UInt8>, count: Int, to destination: UnsafeMutablePointer<Float>
    ) { unused() }
    package func addBias(
        rowCount: Int, columnCount: Int, rows: UnsafeMutablePointer<Float>, rowStride: Int, bias: UnsafePointer<Float>
    ) { unused() }
    package func rectify(_ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>) { unused() }
    package func rectifyGradient(
        y: UnsafePointer<Float>, dy: UnsafePointer<Float>, count: Int, to dx: UnsafeMutablePointer<Float>
    ) { unused() }
    package func exponential(_ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>) { unused() }
    package func naturalLogarithm(_ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>) {
        unused()
    }
    package func softmaxCrossEntropy(
        rowCount: Int, classCount: Int, logits: UnsafePointer<Float>, rowStride: Int, labels: UnsafePointer<UInt8>,
        denominator: Float, losses: UnsafeMutablePointer<Float>, predictions: UnsafeMutablePointer<UInt8>,
        gradient: UnsafeMutablePointer<Float>?
    ) { unused() }
    package func updateSGD(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
        velocity: UnsafeMutablePointer<Float>?, count: Int, learningRate: Float, momentum: Float
    ) { unused() }
    package func updateAdam(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
        v: UnsafeMutablePointer<Float>, count: Int, step: AdamStep
    ) { unused() }
    package func spinFusedMultiplyAdds(iterations: Int) -> Double { unused() }
    package func allFinite(_ values: UnsafePointer<Float>, count: Int) -> Bool { unused() }

    private func unused(_ function: String = #function) -> Never {
        fatalError("ScalarTreeSum: a reduction must not call \(function)")
    }
}
