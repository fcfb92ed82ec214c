import KernelContract

extension VariantKernels {
    /// Applies a vector operation to `count` floats; the rest of fewer than 16 goes through a padded copy, so that
    /// every element sees the same operation.
    @inline(__always)
    func map(
        _ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>, _ operation: (Vector) -> Vector
    ) {
        var i = 0
        while i + 16 <= count {
            store(operation(load(x + i)), y + i)
            i += 16
        }
        guard i < count else { return }
        var rest = Vector(repeating: 0)
        for j in i..<count { rest[j - i] = x[j] }
        rest = operation(rest)
        for j in i..<count { y[j] = rest[j - i] }
    }

    @inline(never)
    package func convertPixels(
        _ source: UnsafePointer<UInt8>, count: Int, to destination: UnsafeMutablePointer<Float>
    ) {
        // x · (1/255) is off by one ULP for some x; one Newton step gives the rounded quotient, tested for all 256.
        // Written one by one: LLVM vectorises the conversion, while SIMD16's own would be calls.
        for i in 0..<count {
            let x = Float(source[i])
            let quotient = x * (1 / 255)
            destination[i] = quotient.addingProduct(x.addingProduct(quotient, -255), 1 / 255)
        }
    }

    @inline(never)
    package func standardize(
        _ x: UnsafeMutablePointer<Float>, count: Int, means: UnsafePointer<Float>, scales: UnsafePointer<Float>
    ) {
        // A loop that LLVM vectorises; nothing is contracted.
        for i in 0..<count { x[i] = (x[i] - means[i]) * scales[i] }
    }

    @inline(never)
    package func markInputs(
        _ source: UnsafePointer<UInt8>, count: Int, bit: UInt32, in marks: UnsafeMutablePointer<UInt32>
    ) {
        // A group is one word.
        let words = UnsafeRawPointer(source)
        let wordCount = count / InputMarks.groupSize
        let bits = SIMD16<UInt32>(repeating: bit)
        let zero = SIMD16<UInt32>(repeating: 0)
        var group = 0
        while group + 16 <= wordCount {
            let values = words.loadUnaligned(fromByteOffset: group * InputMarks.groupSize, as: SIMD16<UInt32>.self)
            let place = UnsafeMutableRawPointer(marks + group)
            let old = UnsafeRawPointer(place).loadUnaligned(as: SIMD16<UInt32>.self)
            place.storeBytes(of: old | bits.replacing(with: zero, where: values .== zero), as: SIMD16<UInt32>.self)
            group += 16
        }
        while group < wordCount {
            let word = words.loadUnaligned(fromByteOffset: group * InputMarks.groupSize, as: UInt32.self)
            marks[group] |= word == 0 ? 0 : bit
            group += 1
        }
        for i in wordCount * InputMarks.groupSize..<count where source[i] != 0 {
            marks[i / InputMarks.groupSize] |= bit
        }
    }

    @inline(never)
    package func addBias(
        rowCount: Int, columnCount: Int, rows: UnsafeMutablePointer<Float>, rowStride: Int, bias: UnsafePointer<Float>
    ) {
        for r in 0..<rowCount {
            let row = rows + r * rowStride
            var j = 0
            while j + 16 <= columnCount {
                store(load(UnsafePointer(row + j)) + load(bias + j), row + j)
                j += 16
            }
            while j < columnCount {
                row[j] += bias[j]
                j += 1
            }
        }
    }

    @inline(never)
    package func rectify(_ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>) {
        let zero = Vector(repeating: 0)
        map(x, count: count, to: y) { zero.replacing(with: $0, where: $0 .> zero) }
    }

    @inline(never)
    package func rectifyGradient(
        y: UnsafePointer<Float>, dy: UnsafePointer<Float>, count: Int, to dx: UnsafeMutablePointer<Float>
    ) {
        let zero = Vector(repeating: 0)
        var i = 0
        while i + 16 <= count {
            store(zero.replacing(with: load(dy + i), where: load(y + i) .> zero), dx + i)
            i += 16
        }
        while i < count {
            dx[i] = y[i] > 0 ? dy[i] : 0
            i += 1
        }
    }

    @inline(never)
    package func exponential(_ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>) {
        map(x, count: count, to: y) { vectorExponential($0) }
    }

    @inline(never)
    package func naturalLogarithm(_ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>) {
        map(x, count: count, to: y) { vectorLogarithm($0) }
    }

    @inline(never)
    package func allFinite(_ values: UnsafePointer<Float>, count: Int) -> Bool {
        // x − x is 0 for every finite x and NaN for the others.
        var sum = Vector(repeating: 0)
        var i = 0
        while i + 16 <= count {
            let x = load(values + i)
            sum += x - x
            i += 16
        }
        var isFinite = sum.sum() == 0
        while i < count {
            isFinite = isFinite && values[i].isFinite
            i += 1
        }
        return isFinite
    }
}
