import KernelContract

/// A sum along a row in 16 strided lanes and the fixed tree; `vector` and `scalar` continue a lane at an index.
@inline(__always)
private func sumAlongRow(
    count: Int, vector: (_ index: Int, _ lanes: Vector) -> Vector, scalar: (_ index: Int, _ lane: Float) -> Float
) -> Float {
    var lanes = constant(0)
    var i = 0
    while i + 16 <= count {
        lanes = vector(i, lanes)
        i += 16
    }
    for j in i..<max(i, count) { lanes[j - i] = scalar(j, lanes[j - i]) }
    return laneSum(lanes)
}

extension VariantKernels {
    @inline(never)
    package func normalizeRows(
        rowCount: Int, columnCount: Int, x: UnsafePointer<Float>, scale: UnsafePointer<Float>,
        shift: UnsafePointer<Float>, epsilon: Float, to y: UnsafeMutablePointer<Float>,
        statistics: UnsafeMutablePointer<Float>
    ) {
        let n = Float(columnCount)
        for r in 0..<rowCount {
            let (x, y) = (x + r * columnCount, y + r * columnCount)
            let mean =
                sumAlongRow(count: columnCount) {
                    $1 + load(x + $0)
                } scalar: {
                    $1 + x[$0]
                } / n
            let means = constant(mean)
            let squares = sumAlongRow(count: columnCount) { index, lanes in
                let difference = load(x + index) - means
                return lanes.addingProduct(difference, difference)
            } scalar: { index, lane in
                lane.addingProduct(x[index] - mean, x[index] - mean)
            }
            let inverse = 1 / (squares / n + epsilon).squareRoot()
            let inverses = constant(inverse)
            var j = 0
            while j + 16 <= columnCount {
                store(load(shift + j).addingProduct((load(x + j) - means) * inverses, load(scale + j)), y + j)
                j += 16
            }
            while j < columnCount {
                y[j] = shift[j].addingProduct((x[j] - mean) * inverse, scale[j])
                j += 1
            }
            statistics[2 * r] = mean
            statistics[2 * r + 1] = inverse
        }
    }

    @inline(never)
    package func normalizeRowsGradient(
        rowCount: Int, columnCount: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        scale: UnsafePointer<Float>, statistics: UnsafePointer<Float>, to dx: UnsafeMutablePointer<Float>
    ) {
        let n = Float(columnCount)
        for r in 0..<rowCount {
            let (x, dy, dx) = (x + r * columnCount, dy + r * columnCount, dx + r * columnCount)
            let (mean, inverse) = (statistics[2 * r], statistics[2 * r + 1])
            let (means, inverses) = (constant(mean), constant(inverse))
            let a =
                sumAlongRow(count: columnCount) {
                    $1 + load(dy + $0) * load(scale + $0)
                } scalar: {
                    $1 + dy[$0] * scale[$0]
                } / n
            let b =
                sumAlongRow(count: columnCount) { index, lanes in
                    let normalized = (load(x + index) - means) * inverses
                    return lanes.addingProduct(load(dy + index) * load(scale + index), normalized)
                } scalar: { index, lane in
                    lane.addingProduct(dy[index] * scale[index], (x[index] - mean) * inverse)
                } / n
            let (firsts, seconds) = (constant(a), constant(b))
            var j = 0
            while j + 16 <= columnCount {
                let normalized = (load(x + j) - means) * inverses
                let centred = load(dy + j) * load(scale + j) - firsts
                store(inverses * centred.addingProduct(negated(normalized), seconds), dx + j)
                j += 16
            }
            while j < columnCount {
                let normalized = (x[j] - mean) * inverse
                dx[j] = inverse * (dy[j] * scale[j] - a).addingProduct(-normalized, b)
                j += 1
            }
        }
    }

    @inline(never)
    package func softmaxRows(
        rowCount: Int, columnCount: Int, x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>
    ) {
        guard columnCount > 0 else { return }
        for r in 0..<rowCount {
            let (x, y) = (x + r * columnCount, y + r * columnCount)
            var greatest = x[0]
            for j in 1..<max(columnCount, 1) where x[j] > greatest { greatest = x[j] }
            let shift = constant(greatest)
            map(x, count: columnCount, to: y) { vectorExponential($0 - shift) }
            let sum = sumAlongRow(count: columnCount) {
                $1 + load(UnsafePointer(y + $0))
            } scalar: {
                $1 + y[$0]
            }
            divide(y, count: columnCount, by: sum)
        }
    }

    @inline(never)
    package func softmaxRowsGradient(
        rowCount: Int, columnCount: Int, y: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        to dx: UnsafeMutablePointer<Float>
    ) {
        for r in 0..<rowCount {
            let (y, dy, dx) = (y + r * columnCount, dy + r * columnCount, dx + r * columnCount)
            let sum = sumAlongRow(count: columnCount) {
                $1.addingProduct(load(y + $0), load(dy + $0))
            } scalar: {
                $1.addingProduct(y[$0], dy[$0])
            }
            for j in 0..<columnCount { dx[j] = y[j] * (dy[j] - sum) }
        }
    }

    @inline(never)
    package func addElements(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int, to sum: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count { sum[i] = a[i] + b[i] }
    }
}
