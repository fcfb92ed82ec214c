import CMachine
import KernelContract

#if AVX512
    /// Eight accumulators for each of two grains; dy comes from memory with each product.
    private let blockColumns = 128
#else
    private let blockColumns = 64
#endif
/// Inputs whose partial sums are in work together: 16 KiB for each level of the tree.
private let rowLimit = 64
/// Samples of a grain below which a chain is too short to pay for its bookkeeping.
private let grainMinimum = 16
/// Above this share of inputs other than 0, tiles of many inputs are faster.
private let densityLimit = 0.65
/// Floats of the workspace for marks, and for the levels of the tree.
private let markLimit = 32_768
private let levelLimit = 65_536

/// A weight gradient whose inputs are often 0, as a rectifier leaves them: input by input, products with 0 are left out;
/// that changes no chain.
///
/// One or two grains of dy, a few KiB, stay in L1 while all inputs go past them; what the tree keeps of each input lies in
/// the workspace by level, merged as a binary counter carries (as in `GradientColumn`).
struct SkippingGradient {
    private let work: WeightGradient
    /// `[grain, input]`: bit s says whether sample s of the grain has an input other than 0.
    private let marks: UnsafeMutablePointer<UInt32>
    /// `[level, input, column]`
    private let levels: UnsafeMutablePointer<Float>
    private let grainCount: Int

    /// Nil where the gradient is too small, or the inputs too dense.
    init?(_ work: WeightGradient, workspace: UnsafeMutablePointer<Float>) {
        guard work.grainSize >= grainMinimum, work.grainSize <= 32, work.xStride > 0, work.inputs.count >= 8,
            work.outputs.count >= 64
        else { return nil }
        var grainCount = 0
        for segment in work.segments {
            grainCount += (segment.sampleCount + work.grainSize - 1) / work.grainSize
        }
        guard grainCount > 0, grainCount * rowLimit <= markLimit,
            (Int.bitWidth - grainCount.leadingZeroBitCount + 1) * rowLimit * blockColumns <= levelLimit
        else { return nil }
        self.work = work
        self.grainCount = grainCount
        marks = UnsafeMutableRawPointer(workspace).assumingMemoryBound(to: UInt32.self)
        levels = workspace + markLimit
        let rows = min(rowLimit, work.inputs.count)
        let share = mark(work.inputs.lowerBound..<work.inputs.lowerBound + rows)
        guard share < densityLimit else { return nil }
    }

    /// All columns but the last few, fewer than 64; returns how many.
    func run() -> Int {
        let columnCount = work.outputs.count / 64 * 64
        var input = work.inputs.lowerBound
        while input < work.inputs.upperBound {
            let rows = input..<min(input + rowLimit, work.inputs.upperBound)
            if input > work.inputs.lowerBound { _ = mark(rows) }
            var column = 0
            while column < columnCount {
                let target = work.gradient + (input - work.inputs.lowerBound) * work.gradientStride + column
                #if AVX512
                    if columnCount - column >= blockColumns {
                        run128(rows, column: column, to: target)
                        column += blockColumns
                        continue
                    }
                #endif
                run64(rows, column: column, to: target)
                column += 64
            }
            input = rows.upperBound
        }
        return columnCount
    }

    /// Marks a few inputs in all grains; returns the share of those other than 0.
    private func mark(_ rows: Range<Int>) -> Double {
        let count = rows.count
        var grain = 0
        var marked = 0
        var samples = 0
        for segment in work.segments {
            for sample in 0..<segment.sampleCount {
                let place = sample % work.grainSize
                if place == 0 {
                    if sample > 0 { grain += 1 }
                    for i in 0..<count { marks[grain * rowLimit + i] = 0 }
                }
                let x = segment.x + (sample * work.xStride + rows.lowerBound)
                let target = marks + grain * rowLimit
                let bit = UInt32(1) << UInt32(place)
                for i in 0..<count { target[i] |= x[i] != 0 ? bit : 0 }
            }
            samples += segment.sampleCount
            grain += 1
        }
        for grain in 0..<grainCount {
            for i in 0..<count { marked += marks[grain * rowLimit + i].nonzeroBitCount }
        }
        return Double(marked) / Double(samples * count)
    }

    #if AVX512
        @inline(never)
        private func run128(_ rows: Range<Int>, column: Int, to gradient: UnsafeMutablePointer<Float>) {
            run(rows, column: column, to: gradient, Beside<Row64, Row64>.self)
        }
    #endif
    @inline(never)
    private func run64(_ rows: Range<Int>, column: Int, to gradient: UnsafeMutablePointer<Float>) {
        run(rows, column: column, to: gradient, Row64.self)
    }

    @inline(__always)
    private func run<Tile: RegisterTile>(
        _ rows: Range<Int>, column: Int, to gradient: UnsafeMutablePointer<Float>, _: Tile.Type
    ) {
        let width = Tile.columnCount
        let levelFloats = rowLimit * width
        let grainSize = work.grainSize
        let (xStride, dyStride, gradientStride) = (work.xStride, work.dyStride, work.gradientStride)
        var depth = 0
        var grain = 0
        for (index, segment) in work.segments.enumerated() {
            var sample = 0
            while sample < segment.sampleCount {
                let isPair = grain & 1 == 0 && sample + grainSize < segment.sampleCount
                let count = min(isPair ? 2 * grainSize : grainSize, segment.sampleCount - sample)
                let x = segment.x + (sample * xStride + rows.lowerBound)
                let dy = segment.dy + (sample * dyStride + work.outputs.lowerBound + column)
                let lowerMarks = marks + grain * rowLimit
                sample += count
                grain += isPair ? 2 : 1
                let isLast = sample == segment.sampleCount && index == work.segments.count - 1
                let merges = isLast ? depth : grain.trailingZeroBitCount - (isPair ? 1 : 0)
                for row in 0..<rows.count {
                    var tile = Tile()
                    chain(&tile, x + row, xStride, dy, dyStride, mark: lowerMarks[row])
                    if isPair {
                        var upper = Tile()
                        chain(
                            &upper, x + (grainSize * xStride + row), xStride, dy + grainSize * dyStride, dyStride,
                            mark: lowerMarks[rowLimit + row])
                        tile.add(upper)
                    }
                    for merge in 0..<merges {
                        tile.add(
                            Tile(
                                loading: UnsafePointer(levels + (depth - 1 - merge) * levelFloats + row * width),
                                stride: 0))
                    }
                    if isLast {
                        tile.finish()
                        tile.store(gradient + row * gradientStride, stride: 0)
                    } else {
                        tile.store(levels + (depth - merges) * levelFloats + row * width, stride: 0)
                    }
                }
                depth += 1 - merges
            }
        }
    }

    @inline(__always)
    private func chain<Tile: RegisterTile>(
        _ tile: inout Tile, _ x: UnsafePointer<Float>, _ xStride: Int, _ dy: UnsafePointer<Float>, _ dyStride: Int,
        mark: UInt32
    ) {
        var rest = mark
        while rest != 0 {
            let sample = rest.trailingZeroBitCount
            rest &= rest &- 1
            tile.step(x + sample * xStride, 0, dy + sample * dyStride)
        }
    }
}
