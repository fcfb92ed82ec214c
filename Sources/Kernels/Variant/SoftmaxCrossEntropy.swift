import KernelContract

extension VariantKernels {
    @inline(never)
    package func softmaxCrossEntropy(
        rowCount: Int, classCount: Int, logits: UnsafePointer<Float>, rowStride: Int, labels: UnsafePointer<UInt8>,
        denominator: Float, losses: UnsafeMutablePointer<Float>, predictions: UnsafeMutablePointer<UInt8>,
        gradient: UnsafeMutablePointer<Float>?
    ) {
        guard classCount > 0 else { return }
        for r in 0..<rowCount {
            let row = logits + r * rowStride
            let label = Int(labels[r])
            var greatest = row[0]
            var prediction = 0
            for j in 1..<max(classCount, 1) where row[j] > greatest {
                greatest = row[j]
                prediction = j
            }
            predictions[r] = UInt8(truncatingIfNeeded: prediction)

            // Lanes beyond the row hold −∞: their exponential is 0.
            var sums = Vector(repeating: 0)
            for j in stride(from: 0, to: classCount, by: 16) {
                sums += vectorExponential(logitVector(row, from: j, count: classCount) - Vector(repeating: greatest))
            }
            let sum = laneSum(sums)
            losses[r] = vectorLogarithm(Vector(repeating: sum))[0] - (row[label] - greatest)

            guard let gradient else { continue }
            let target = gradient + r * rowStride
            for j in stride(from: 0, to: classCount, by: 16) {
                let power = vectorExponential(
                    logitVector(row, from: j, count: classCount) - Vector(repeating: greatest))
                var probability = power / Vector(repeating: sum)
                if label >= j && label < j + 16 { probability[label - j] -= 1 }
                let result = probability / Vector(repeating: denominator)
                if j + 16 <= classCount {
                    store(result, target + j)
                } else {
                    for lane in 0..<classCount - j { target[j + lane] = result[lane] }
                }
            }
        }
    }
}

@inline(__always)
private func logitVector(_ row: UnsafePointer<Float>, from first: Int, count: Int) -> Vector {
    if first + 16 <= count { return load(row + first) }
    var vector = Vector(repeating: -.infinity)
    for lane in 0..<count - first { vector[lane] = row[first + lane] }
    return vector
}
