import CMachine
import KernelContract

#if AVX512
    /// Eight accumulators for each of two grains; dy comes from memory with each product.
    private let blockColumns = 128
#else
    private let blockColumns = 64
#endif
/// Inputs that are in work together: their partial sums take 16 KiB for each level of the tree.
private let rowLimit = 32
/// Samples of a grain below which a chain is too short to pay for its bookkeeping; with marked inputs, tiles of four inputs
/// leave out enough (`GradientColumn`) until grains are longer.
private let grainMinimum = 8
private let markedGrainMinimum = 16
/// Above this share of inputs other than 0, tiles of many inputs are faster: with grains that are long enough, with short ones, which
/// tiles gain less by, and with fewer outputs than `blockColumns`.
#if AVX512
    private let densityLimit = 0.74
#else
    private let densityLimit = 0.65
#endif
private let shortGrainDensityLimit = 0.7
private let narrowDensityLimit = 0.6
private let sampleLimit = 1_024
/// A pair of grains at most, or four short ones.
private let panelFloats = 64 * blockColumns
/// Samples of a grain up to which four are summed in registers before a level is kept: longer ones fill L1.
#if AVX512
    private let shortGrain = 8
#else
    // Registers have no room for three sums.
    private let shortGrain = 0
#endif

/// A weight gradient whose inputs are often 0, as a rectifier leaves them: input by input, products with 0 are left out;
/// that changes no chain.
///
/// One or two grains of dy, a few KiB, are copied to L1 and all inputs go past them; what the tree keeps of each input
/// lies in the workspace by level, merged as a binary counter carries (as in `GradientColumn`). Inputs are copied too,
/// turned, so that a mask of an input's samples is a comparison of vectors.
struct SkippingGradient {
    private let work: WeightGradient
    private let sampleCount: Int
    /// `[input, sample]`, a row a multiple of 16 floats long.
    private let turned: UnsafeMutablePointer<Float>
    private let turnedStride: Int
    /// `[grain, input]`: bit s says whether sample s of the grain has an input other than 0.
    private let marks: UnsafeMutablePointer<UInt32>
    /// dy of one or two grains, `[sample, column]`.
    private let panel: UnsafeMutablePointer<Float>
    /// `[level, input, column]`
    private let levels: UnsafeMutablePointer<Float>

    /// Nil where the gradient is too small, or the inputs too dense.
    init?(_ work: WeightGradient, workspace: UnsafeMutablePointer<Float>) {
        let minimum = work.segments.first?.marks == nil ? grainMinimum : markedGrainMinimum
        guard work.grainSize >= minimum, work.grainSize <= 32, work.xStride > 0, work.inputs.count >= 16,
            work.outputs.count >= 64
        else { return nil }
        var sampleCount = 0
        var grainCount = 0
        for segment in work.segments {
            sampleCount += segment.sampleCount
            grainCount += (segment.sampleCount + work.grainSize - 1) / work.grainSize
        }
        guard sampleCount > 0, sampleCount <= sampleLimit, grainCount <= sampleLimit / grainMinimum else { return nil }
        self.work = work
        self.sampleCount = sampleCount
        panel = workspace
        // An odd number of lines; a segment is turned in blocks of 16 samples, whose last may reach 15 beyond its end.
        turnedStride = ((sampleCount + 30) / 16 | 1) * 16
        turned = panel + panelFloats
        let afterTurned = turned + rowLimit * turnedStride + 32
        marks = UnsafeMutableRawPointer(afterTurned).assumingMemoryBound(to: UInt32.self)
        levels = afterTurned + sampleLimit / grainMinimum * rowLimit
        guard
            turnAndMark(work.inputs.lowerBound..<work.inputs.lowerBound + min(rowLimit, work.inputs.count))
                < (work.outputs.count < blockColumns
                    ? narrowDensityLimit : work.grainSize <= shortGrain ? shortGrainDensityLimit : densityLimit)
        else { return nil }
    }

    /// All columns but the last few, fewer than 64; returns how many.
    func run() -> Int {
        let columnCount = work.outputs.count / 64 * 64
        let isShort = work.grainSize <= shortGrain
        var input = work.inputs.lowerBound
        while input < work.inputs.upperBound {
            let rows = input..<min(input + rowLimit, work.inputs.upperBound)
            if input > work.inputs.lowerBound { _ = turnAndMark(rows) }
            var column = 0
            while column < columnCount {
                let target = work.gradient + ((input - work.inputs.lowerBound) * work.gradientStride + column)
                #if AVX512
                    if columnCount - column >= blockColumns {
                        if isShort {
                            run128Short(rows.count, column: column, to: target)
                        } else {
                            run128(rows.count, column: column, to: target)
                        }
                        column += blockColumns
                        continue
                    }
                #endif
                if isShort {
                    run64Short(rows.count, column: column, to: target)
                } else {
                    run64(rows.count, column: column, to: target)
                }
                column += 64
            }
            input = rows.upperBound
        }
        return columnCount
    }

    /// Copies a few inputs of all samples and marks them; returns the share of those other than 0.
    private func turnAndMark(_ rows: Range<Int>) -> Double {
        var first = 0
        for segment in work.segments {
            packTransposed(
                segment.x + rows.lowerBound, stride: work.xStride, depth: rows.count, columns: segment.sampleCount,
                width: turnedStride, to: turned + first)
            first += segment.sampleCount
        }
        var grain = 0
        var sample = 0
        var marked = 0
        for segment in work.segments {
            let end = sample + segment.sampleCount
            while sample < end {
                let count = min(work.grainSize, end - sample)
                let mask = UInt32(truncatingIfNeeded: (UInt64(1) << UInt64(count)) - 1)
                for row in 0..<rows.count {
                    let x = UnsafePointer(turned + (row * turnedStride + sample))
                    let lanes =
                        UInt32(lockstep_nonzero_lanes(load(x))) | UInt32(lockstep_nonzero_lanes(load(x + 16))) << 16
                    marks[grain * rowLimit + row] = lanes & mask
                    marked += (lanes & mask).nonzeroBitCount
                }
                sample += count
                grain += 1
            }
        }
        return Double(marked) / Double(sampleCount * rows.count)
    }

    #if AVX512
        @inline(never)
        private func run128(_ rowCount: Int, column: Int, to gradient: UnsafeMutablePointer<Float>) {
            run(rowCount, column: column, to: gradient, fours: false, Beside<Row64, Row64>.self)
        }
        @inline(never)
        private func run128Short(_ rowCount: Int, column: Int, to gradient: UnsafeMutablePointer<Float>) {
            run(rowCount, column: column, to: gradient, fours: true, Beside<Row64, Row64>.self)
        }
    #endif
    @inline(never)
    private func run64(_ rowCount: Int, column: Int, to gradient: UnsafeMutablePointer<Float>) {
        run(rowCount, column: column, to: gradient, fours: false, Row64.self)
    }
    @inline(never)
    private func run64Short(_ rowCount: Int, column: Int, to gradient: UnsafeMutablePointer<Float>) {
        run(rowCount, column: column, to: gradient, fours: true, Row64.self)
    }

    /// - Parameter fours: Whether four grains are summed in registers before a level is kept.
    @inline(__always)
    private func run<Tile: RegisterTile>(
        _ rowCount: Int, column: Int, to gradient: UnsafeMutablePointer<Float>, fours: Bool, _: Tile.Type
    ) {
        let width = Tile.columnCount
        let levelFloats = rowLimit * width
        let (grainSize, gradientStride) = (work.grainSize, work.gradientStride)
        var depth = 0
        var grain = 0
        var first = 0
        for (index, segment) in work.segments.enumerated() {
            var sample = 0
            while sample < segment.sampleCount {
                // Grains that are summed in registers: 4, 2 or 1, each but the batch's last whole.
                let span =
                    fours && grain & 3 == 0 && sample + 3 * grainSize < segment.sampleCount
                    ? 4 : grain & 1 == 0 && sample + grainSize < segment.sampleCount ? 2 : 1
                let count = min(span * grainSize, segment.sampleCount - sample)
                let dy = segment.dy + (sample * work.dyStride + work.outputs.lowerBound + column)
                for row in 0..<count {
                    for j in 0..<width { panel[row * width + j] = dy[row * work.dyStride + j] }
                }
                let x = UnsafePointer(turned + first + sample)
                let lowerMarks = UnsafePointer(marks + grain * rowLimit)
                sample += count
                grain += span
                let isLast = sample == segment.sampleCount && index == work.segments.count - 1
                let merges = isLast ? depth : grain.trailingZeroBitCount - span.trailingZeroBitCount
                for row in 0..<rowCount {
                    let x = x + row * turnedStride
                    let marks = lowerMarks + row
                    var tile: Tile = grainSum(x, 0, marks)
                    if span > 1 { tile.add(grainSum(x, 1, marks)) }
                    if fours && span > 2 {
                        var upper: Tile = grainSum(x, 2, marks)
                        upper.add(grainSum(x, 3, marks))
                        tile.add(upper)
                    }
                    for merge in 0..<merges {
                        tile.add(
                            Tile(
                                loading: UnsafePointer(levels + ((depth - 1 - merge) * levelFloats + row * width)),
                                stride: 0))
                    }
                    if isLast {
                        tile.finish()
                        tile.store(gradient + row * gradientStride, stride: 0)
                    } else {
                        tile.store(levels + ((depth - merges) * levelFloats + row * width), stride: 0)
                    }
                }
                depth += 1 - merges
            }
            first += segment.sampleCount
        }
    }

    /// Of the panel's grain number `number`.
    @inline(__always)
    private func grainSum<Tile: RegisterTile>(
        _ x: UnsafePointer<Float>, _ number: Int, _ marks: UnsafePointer<UInt32>
    ) -> Tile {
        var tile = Tile()
        chain(
            &tile, x + number * work.grainSize,
            UnsafePointer(panel) + number * work.grainSize * Tile.columnCount, mark: marks[number * rowLimit])
        return tile
    }

    @inline(__always)
    private func chain<Tile: RegisterTile>(
        _ tile: inout Tile, _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, mark: UInt32
    ) {
        var rest = mark
        while rest != 0 {
            let sample = rest.trailingZeroBitCount
            rest &= rest &- 1
            tile.step(x + sample, 0, dy + sample * Tile.columnCount)
        }
    }
}
