import KernelContract

/// The weight gradient of `Tile.rowCount` inputs × `Tile.columnCount` outputs over all grains of a subtree.
///
/// Two neighbouring grains run side by side where registers allow (`pairs`), are added there, and the higher levels of
/// the tree are a stack of tiles in L1: after pair p as many merges as p has trailing zero bits, at the end all.
/// The `+ 0.0` that ends each chain is added once to the sum: that is the same, as only −0 + −0 is −0.
struct GradientColumn {
    let segments: UnsafeBufferPointer<GradientSegment>
    let grainSize: Int
    let xStride: Int
    let dyStride: Int
    /// The tile's first input, its first output, and how many outputs it has.
    var input: Int
    let output: Int
    let columns: Int
    /// Marks of a grain and the tile's place among them; the stride is 0 where they are not asked for.
    let markStride: Int
    var group: Int
    /// Room for rows of dy, padded to 16 columns: where a full vector would reach beyond a segment's end.
    let tail: UnsafeMutablePointer<Float>
    let stack: UnsafeMutablePointer<Float>

    /// A segment as the tile sees it.
    private struct Operands {
        var x: UnsafePointer<Float>
        var dy: UnsafePointer<Float>
        /// Of the tile's inputs, a grain's at a time.
        var marks: UnsafePointer<UInt32>?
        /// Samples below this may be read from `dy` in full vectors, the others come from `tail`.
        var directCount: Int
    }

    @inline(__always)
    private func operands(_ segment: GradientSegment, width: Int) -> Operands {
        var operands = Operands(
            x: segment.x + input, dy: segment.dy + output, marks: nil, directCount: segment.sampleCount)
        if markStride > 0, let marks = segment.marks { operands.marks = marks + group }
        if columns < width { padTail(segment.sampleCount, &operands) }
        return operands
    }

    /// Full vectors may be read where they stay inside the operand, that is in all rows but the last few, which are
    /// copied. What the surplus lanes hold is not stored.
    @inline(never)
    private func padTail(_ sampleCount: Int, _ operands: inout Operands) {
        let end = (sampleCount - 1) * dyStride + columns
        operands.directCount = end >= 16 ? min(sampleCount, (end - 16) / max(dyStride, 1) + 1) : 0
        for sample in operands.directCount..<sampleCount {
            for j in 0..<16 {
                tail[(sample - operands.directCount) * 16 + j] =
                    j < columns ? operands.dy[sample * dyStride + j] : 0
            }
        }
    }

    @inline(__always)
    private func chain<Tile: RegisterTile>(_ tile: inout Tile, _ operands: Operands, _ samples: Range<Int>) {
        let direct = min(samples.upperBound, operands.directCount)
        var a = operands.x + samples.lowerBound * xStride
        var b = operands.dy + samples.lowerBound * dyStride
        var sample = samples.lowerBound
        while sample < direct {
            tile.step(a, 1, b)
            a += xStride
            b += dyStride
            sample += 1
        }
        while sample < samples.upperBound {
            tile.step(operands.x + sample * xStride, 1, tail + (sample - operands.directCount) * 16)
            sample += 1
        }
    }

    /// The samples of a grain, which begins at `first`, that have a bit in `mark`.
    @inline(__always)
    private func chain<Tile: RegisterTile>(_ tile: inout Tile, _ operands: Operands, from first: Int, mark: UInt32) {
        let a = operands.x + first * xStride
        let b = operands.dy + first * dyStride
        var rest = mark
        while rest != 0 {
            let sample = rest.trailingZeroBitCount
            rest &= rest &- 1
            tile.step(a + sample * xStride, 1, b + sample * dyStride)
        }
    }

    @inline(__always)
    private func pair<Tile: RegisterTile>(
        _ operands: Operands, from first: Int, marks: UnsafePointer<UInt32>?, _: Tile.Type
    ) -> Tile {
        var lower = Tile()
        var upper = Tile()
        if let marks {
            chain(&lower, operands, from: first, mark: marks.pointee)
            chain(&upper, operands, from: first + grainSize, mark: (marks + markStride).pointee)
        } else {
            var a = operands.x + first * xStride
            var b = operands.dy + first * dyStride
            let aNext = grainSize * xStride
            let bNext = grainSize * dyStride
            for _ in 0..<grainSize {
                lower.step(a, 1, b)
                upper.step(a + aNext, 1, b + bNext)
                a += xStride
                b += dyStride
            }
        }
        lower.add(upper)
        return lower
    }

    /// One whole grain.
    @inline(__always)
    private func single<Tile: RegisterTile>(
        _ operands: Operands, from first: Int, marks: UnsafePointer<UInt32>?, _: Tile.Type
    ) -> Tile {
        var tile = Tile()
        if let marks {
            chain(&tile, operands, from: first, mark: marks.pointee)
        } else {
            var a = operands.x + first * xStride
            var b = operands.dy + first * dyStride
            for _ in 0..<grainSize {
                tile.step(a, 1, b)
                a += xStride
                b += dyStride
            }
        }
        return tile
    }

    /// Four whole grains: three tiles live at most.
    @inline(__always)
    private func quad<Tile: RegisterTile>(
        _ operands: Operands, from first: Int, marks: UnsafePointer<UInt32>?, _: Tile.Type
    ) -> Tile {
        var lower = single(operands, from: first, marks: marks, Tile.self)
        lower.add(single(operands, from: first + grainSize, marks: marks.map { $0 + markStride }, Tile.self))
        var upper = single(operands, from: first + 2 * grainSize, marks: marks.map { $0 + 2 * markStride }, Tile.self)
        upper.add(single(operands, from: first + 3 * grainSize, marks: marks.map { $0 + 3 * markStride }, Tile.self))
        lower.add(upper)
        return lower
    }

    /// All grains of the subtree. `pairs` where two tiles fit the registers.
    @inline(__always)
    func run<Tile: RegisterTile>(
        pairs: Bool, quads: Bool = false, to gradient: UnsafeMutablePointer<Float>, stride: Int, _: Tile.Type
    ) {
        let tileFloats = Tile.rowCount * Tile.columnCount
        var depth = 0
        var grains = 0
        for (index, segment) in segments.enumerated() {
            let operands = operands(segment, width: Tile.columnCount)
            var marks = operands.marks
            var sample = 0
            while sample < segment.sampleCount {
                var tile: Tile
                var merges: Int
                if quads && grains & 3 == 0 && sample + 4 * grainSize <= operands.directCount {
                    tile = quad(operands, from: sample, marks: marks, Tile.self)
                    if let first = marks { marks = first + 4 * markStride }
                    sample += 4 * grainSize
                    grains += 4
                    merges = grains.trailingZeroBitCount - 2
                } else if pairs && grains & 1 == 0 && sample + 2 * grainSize <= operands.directCount {
                    tile = pair(operands, from: sample, marks: marks, Tile.self)
                    if let first = marks { marks = first + 2 * markStride }
                    sample += 2 * grainSize
                    grains += 2
                    merges = grains.trailingZeroBitCount - 1
                } else {
                    tile = Tile()
                    let next = min(sample + grainSize, segment.sampleCount)
                    if let first = marks {
                        chain(&tile, operands, from: sample, mark: first.pointee)
                        marks = first + markStride
                    } else {
                        chain(&tile, operands, sample..<next)
                    }
                    sample = next
                    grains += 1
                    merges = grains.trailingZeroBitCount
                }
                let isLast = sample == segment.sampleCount && index == segments.count - 1
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
    }

    #if AVX512
        @inline(never) func run6x32(to c: UnsafeMutablePointer<Float>, _ stride: Int) {
            run(pairs: true, to: c, stride: stride, Wide<Rows6>.self)
        }
        @inline(never) func run4x32(to c: UnsafeMutablePointer<Float>, _ stride: Int) {
            run(pairs: true, quads: true, to: c, stride: stride, Wide<Rows4>.self)
        }
        @inline(never) func run4x64(to c: UnsafeMutablePointer<Float>, _ stride: Int) {
            run(pairs: true, to: c, stride: stride, Beside<Wide<Rows4>, Wide<Rows4>>.self)
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

    /// The highest tile that fits `rowCount` inputs; returns its height. Tiles of marked inputs are groups of four.
    func runHighest(rowCount: Int, to c: UnsafeMutablePointer<Float>, _ stride: Int) -> Int {
        #if AVX512
            if columns == 64 {
                run4x64(to: c, stride)
                return 4
            }
            if columns == 32 {
                switch rowCount {
                case 6... where markStride == 0: run6x32(to: c, stride); return 6

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
            if rowCount >= 6 && markStride == 0 {
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
    package func weightGradient(_ work: WeightGradient, workspace: UnsafeMutablePointer<Float>) {
        guard !work.inputs.isEmpty, !work.outputs.isEmpty else { return }
        var hasSamples = false
        var hasMarks = true
        for segment in work.segments {
            hasSamples = hasSamples || segment.sampleCount > 0
            hasMarks = hasMarks && segment.marks != nil
        }
        guard hasSamples else {
            for i in 0..<work.inputs.count {
                for j in 0..<work.outputs.count { work.gradient[i * work.gradientStride + j] = 0 }
            }
            return
        }
        let groups = work.inputs.wholeGroups
        if hasMarks && !groups.isEmpty && groups != work.inputs {
            weightGradient(work.part(work.inputs.lowerBound..<groups.lowerBound), workspace: workspace)
            weightGradient(work.part(groups), workspace: workspace)
            weightGradient(work.part(groups.upperBound..<work.inputs.upperBound), workspace: workspace)
            return
        }
        var work = work
        if let skipping = SkippingGradient(work, workspace: workspace) { work.dropOutputs(skipping.run()) }
        if !hasMarks, let packed = PackedGradient(work, workspace: workspace) { work.dropOutputs(packed.run()) }
        // Constants of another module are calls.
        let groupSize = InputMarks.groupSize
        let markCount = InputMarks.groupCount(work.xStride)
        // The workspace: padded rows of dy, a padded tile for the edge, the stack.
        let edge = workspace + tailRowLimit * 16
        var output = work.outputs.lowerBound
        while output < work.outputs.upperBound {
            let rest = work.outputs.upperBound - output
            #if AVX512
                let usesMarks =
                    hasMarks && rest >= 32 && work.inputs.lowerBound % groupSize == 0
                    && work.inputs.upperBound % groupSize == 0
                // A store costs 1.6 fused multiply-adds that could run beside it. A pair of grains of 64 columns does not fit
                // the registers, but LLVM keeps half of the first grain's sums there.
                let width = usesMarks && rest >= 64 ? 64 : rest >= 32 ? 32 : 16
            #else
                let width = 16
                let usesMarks = hasMarks && rest >= 16
            #endif
            let columns = min(rest, width)
            var column = GradientColumn(
                segments: work.segments, grainSize: work.grainSize, xStride: work.xStride, dyStride: work.dyStride,
                input: work.inputs.lowerBound, output: output, columns: columns,
                markStride: usesMarks ? markCount : 0, group: 0, tail: workspace, stack: edge + 12 * 16)
            while column.input < work.inputs.upperBound {
                var rowCount = work.inputs.upperBound - column.input
                // A tile of marked inputs begins and ends with its group.
                if usesMarks {
                    column.group = column.input / groupSize
                    rowCount = min(rowCount, groupSize - column.input % groupSize)
                }
                let target =
                    work.gradient + (column.input - work.inputs.lowerBound) * work.gradientStride
                    + (output - work.outputs.lowerBound)
                if columns == width {
                    column.input += column.runHighest(rowCount: rowCount, to: target, work.gradientStride)
                } else {
                    let height = column.runHighest(rowCount: rowCount, to: edge, 16)
                    for i in 0..<height {
                        for j in 0..<columns { target[i * work.gradientStride + j] = edge[i * 16 + j] }
                    }
                    column.input += height
                }
            }
            output += columns
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
            inputFeatures: 1, outputFeatures: columnCount, sampleCount: rowCount, grainSize: grainSize,
            x: UnsafePointer(one), xStride: 0, dy: rows, dyStride: rowStride, gradient: sums,
            gradientStride: columnCount, workspace: workspace + 16)
    }
}

extension Range<Int> {
    /// The inputs of all whole groups of marks.
    fileprivate var wholeGroups: Self {
        let groupSize = InputMarks.groupSize
        let begin = (lowerBound + groupSize - 1) / groupSize * groupSize
        return begin..<Swift.max(begin, upperBound / groupSize * groupSize)
    }
}

extension WeightGradient {
    fileprivate func part(_ inputs: Range<Int>) -> Self {
        var part = self
        part.inputs = inputs
        part.gradient += (inputs.lowerBound - self.inputs.lowerBound) * gradientStride
        return part
    }

    /// Leaves out the first `count` outputs, which are done.
    fileprivate mutating func dropOutputs(_ count: Int) {
        outputs = outputs.lowerBound + count..<outputs.upperBound
        gradient += count
    }
}

/// Rows of dy that can need padding: those whose 16 floats from the edge column on reach beyond the operand's end.
private let tailRowLimit = 16
