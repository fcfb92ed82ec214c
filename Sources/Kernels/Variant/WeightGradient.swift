import KernelContract

/// The weight gradient of `Tile.rowCount` inputs × `Tile.columnCount` outputs over all grains of a subtree.
///
/// Two neighbouring grains run side by side where registers allow (`pairs`), are added there, and the higher levels of
/// the tree are a stack of tiles in L1: after pair p as many merges as p has trailing zero bits, at the end all.
/// The `+ 0.0` that ends each chain is added once to the sum: that is the same, as only −0 + −0 is −0.
private struct GradientColumn {
    var x: UnsafePointer<Float>
    var xStride: Int
    var dy: UnsafePointer<Float>
    var dyStride: Int
    /// The last rows of dy, padded to 16 columns: where a full vector would reach beyond the operand's end.
    var tail: UnsafePointer<Float>
    /// Samples below this may be read from `dy` in full vectors, the others come from `tail`.
    var directCount: Int
    var sampleCount: Int
    var grainSize: Int
    var stack: UnsafeMutablePointer<Float>

    @inline(__always)
    private func chain<Tile: RegisterTile>(_ tile: inout Tile, _ samples: Range<Int>) {
        let direct = min(samples.upperBound, directCount)
        var a = x + samples.lowerBound * xStride
        var b = dy + samples.lowerBound * dyStride
        var sample = samples.lowerBound
        while sample < direct {
            tile.step(a, 1, b)
            a += xStride
            b += dyStride
            sample += 1
        }
        while sample < samples.upperBound {
            tile.step(x + sample * xStride, 1, tail + (sample - directCount) * 16)
            sample += 1
        }
    }

    @inline(__always)
    private func pair<Tile: RegisterTile>(from first: Int, _: Tile.Type) -> Tile {
        var lower = Tile()
        var upper = Tile()
        var a = x + first * xStride
        var b = dy + first * dyStride
        let aNext = grainSize * xStride
        let bNext = grainSize * dyStride
        for _ in 0..<grainSize {
            lower.step(a, 1, b)
            upper.step(a + aNext, 1, b + bNext)
            a += xStride
            b += dyStride
        }
        lower.add(upper)
        return lower
    }

    /// All grains of the subtree. `pairs` where two tiles fit the registers.
    @inline(__always)
    func run<Tile: RegisterTile>(pairs: Bool, to gradient: UnsafeMutablePointer<Float>, stride: Int, _: Tile.Type) {
        let tileFloats = Tile.rowCount * Tile.columnCount
        var depth = 0
        var sample = 0
        var grains = 0
        while true {
            var tile: Tile
            var merges: Int
            if pairs && sample + 2 * grainSize <= directCount {
                tile = pair(from: sample, Tile.self)
                sample += 2 * grainSize
                grains += 2
                merges = grains.trailingZeroBitCount - 1
            } else {
                tile = Tile()
                let next = min(sample + grainSize, sampleCount)
                chain(&tile, sample..<next)
                sample = next
                grains += 1
                merges = grains.trailingZeroBitCount
            }
            let isLast = sample >= sampleCount
            if isLast { merges = depth }
            while merges > 0 {
                depth -= 1
                merges -= 1
                tile.add(Tile(loading: UnsafePointer(stack + depth * tileFloats), stride: Tile.columnCount))
            }
            if isLast {
                tile.finish()
                tile.store(gradient, stride: stride)
                return
            }
            tile.store(stack + depth * tileFloats, stride: Tile.columnCount)
            depth += 1
        }
    }

    #if AVX512
        @inline(never) func run6x32(to c: UnsafeMutablePointer<Float>, _ stride: Int) {
            run(pairs: true, to: c, stride: stride, Wide<Rows6>.self)
        }
        @inline(never) func run4x32(to c: UnsafeMutablePointer<Float>, _ stride: Int) {
            run(pairs: true, to: c, stride: stride, Wide<Rows4>.self)
        }
        @inline(never) func run2x32(to c: UnsafeMutablePointer<Float>, _ stride: Int) {
            run(pairs: true, to: c, stride: stride, Wide<Rows2>.self)
        }
        @inline(never) func run1x32(to c: UnsafeMutablePointer<Float>, _ stride: Int) {
            run(pairs: true, to: c, stride: stride, Wide<Rows1>.self)
        }
        @inline(never) func run12x16(to c: UnsafeMutablePointer<Float>, _ stride: Int) {
            run(pairs: true, to: c, stride: stride, Narrow<Rows12>.self)
        }
    #else
        @inline(never) func run6x16(to c: UnsafeMutablePointer<Float>, _ stride: Int) {
            run(pairs: false, to: c, stride: stride, Narrow<Rows6>.self)
        }
    #endif
    @inline(never) func run4x16(to c: UnsafeMutablePointer<Float>, _ stride: Int) {
        run(pairs: false, to: c, stride: stride, Narrow<Rows4>.self)
    }
    @inline(never) func run2x16(to c: UnsafeMutablePointer<Float>, _ stride: Int) {
        run(pairs: false, to: c, stride: stride, Narrow<Rows2>.self)
    }
    @inline(never) func run1x16(to c: UnsafeMutablePointer<Float>, _ stride: Int) {
        run(pairs: false, to: c, stride: stride, Narrow<Rows1>.self)
    }

    /// The highest tile that fits `rowCount` inputs; returns its height.
    func runHighest(rowCount: Int, columns: Int, to c: UnsafeMutablePointer<Float>, _ stride: Int) -> Int {
        #if AVX512
            if columns == 32 {
                switch rowCount {
                case 6...: run6x32(to: c, stride); return 6
                case 4...: run4x32(to: c, stride); return 4
                case 2...: run2x32(to: c, stride); return 2
                default: run1x32(to: c, stride); return 1
                }
            }
            if rowCount >= 12 {
                run12x16(to: c, stride)
                return 12
            }
        #else
            if rowCount >= 6 {
                run6x16(to: c, stride)
                return 6
            }
        #endif
        switch rowCount {
        case 4...: run4x16(to: c, stride); return 4
        case 2...: run2x16(to: c, stride); return 2
        default: run1x16(to: c, stride); return 1
        }
    }
}

extension VariantKernels {
    @inline(never)
    package func weightGradient(_ gradient: WeightGradient, workspace: UnsafeMutablePointer<Float>) {
        let rowCount = gradient.inputFeatures
        let columnCount = gradient.outputFeatures
        guard rowCount > 0, columnCount > 0 else { return }
        guard gradient.sampleCount > 0 else {
            for i in 0..<rowCount {
                for j in 0..<columnCount { gradient.gradient[i * gradient.gradientStride + j] = 0 }
            }
            return
        }
        // The workspace: padded rows of dy, a padded tile for the edge, the stack.
        let tail = workspace
        let edge = tail + tailRowLimit * 16
        let stack = edge + 12 * 16
        var column = 0
        while column < columnCount {
            let rest = columnCount - column
            #if AVX512
                let width = rest >= 32 ? 32 : 16
            #else
                let width = 16
            #endif
            let columns = min(rest, width)
            var work = GradientColumn(
                x: gradient.x, xStride: gradient.xStride, dy: gradient.dy + column, dyStride: gradient.dyStride,
                tail: UnsafePointer(tail), directCount: gradient.sampleCount, sampleCount: gradient.sampleCount,
                grainSize: gradient.grainSize, stack: stack)
            if columns < width { work.padTail(columns: columns, to: tail) }
            var row = 0
            while row < rowCount {
                work.x = gradient.x + row
                let target = gradient.gradient + row * gradient.gradientStride + column
                if columns == width {
                    row += work.runHighest(
                        rowCount: rowCount - row, columns: width, to: target, gradient.gradientStride)
                } else {
                    let height = work.runHighest(rowCount: rowCount - row, columns: width, to: edge, 16)
                    for i in 0..<height {
                        for j in 0..<columns { target[i * gradient.gradientStride + j] = edge[i * 16 + j] }
                    }
                    row += height
                }
            }
            column += columns
        }
    }

    @inline(never)
    package func biasGradient(
        rowCount: Int, columnCount: Int, grainSize: Int, rows: UnsafePointer<Float>, rowStride: Int,
        sums: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
    ) {
        // The weight gradient of one input feature that is always 1: fma(1, d, sum) is sum + d.
        let one = workspace
        one.pointee = 1
        weightGradient(
            WeightGradient(
                inputFeatures: 1, outputFeatures: columnCount, sampleCount: rowCount, grainSize: grainSize,
                x: UnsafePointer(one), xStride: 0, dy: rows, dyStride: rowStride, gradient: sums,
                gradientStride: columnCount),
            workspace: workspace + 16)
    }
}

/// Rows of dy that can need padding: those whose 16 floats from the edge column on reach beyond the operand's end.
private let tailRowLimit = 16

extension GradientColumn {
    /// Fewer than 16 columns are left: full vectors may be read where they stay inside the operand, that is in all
    /// rows but the last few, which are copied. What the surplus lanes hold is not stored.
    fileprivate mutating func padTail(columns: Int, to tail: UnsafeMutablePointer<Float>) {
        let end = (sampleCount - 1) * dyStride + columns
        directCount = end >= 16 ? min(sampleCount, (end - 16) / max(dyStride, 1) + 1) : 0
        for sample in directCount..<sampleCount {
            for j in 0..<16 {
                tail[(sample - directCount) * 16 + j] = j < columns ? dy[sample * dyStride + j] : 0
            }
        }
    }
}
