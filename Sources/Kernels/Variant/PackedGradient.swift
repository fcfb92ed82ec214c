import KernelContract

/// Floats of inputs that are packed together: 384 KiB, which stay in L2 while all columns of dy go past.
private let blockFloats = 98_304
private let sampleLimit = 512
/// Inputs and outputs of a register tile.
private let tileInputs = 6
#if AVX512
    private let tileOutputs = 32
#else
    private let tileOutputs = 16
#endif
/// Rows a multiple of this apart, in floats, meet in few sets of L1.
private let conflictingStride = 256
/// Fewer do not pay for the copies.
private let sampleMinimum = 64
private let outputMinimum = 128

/// A weight gradient of dense inputs whose rows meet in few cache sets: over copies of both operands, tile by tile.
///
/// A tile takes 6 inputs and 32 outputs of every sample. Where rows are 4 KiB apart, all of these lie in the same set of
/// L1, and each tile fetches them anew.
struct PackedGradient {
    private let work: WeightGradient
    private let sampleCount: Int
    /// Floats from a tile's inputs to the next tile's: a vector of 8 may reach beyond the last row.
    private let tileStride: Int
    /// `[tile, sample, tileInputs]`
    private let x: UnsafeMutablePointer<Float>
    /// `[sample, tileOutputs]`
    private let dy: UnsafeMutablePointer<Float>
    private let stack: UnsafeMutablePointer<Float>

    /// Nil where it would not pay.
    init?(_ work: WeightGradient, workspace: UnsafeMutablePointer<Float>) {
        guard work.outputs.count >= outputMinimum, work.inputs.count >= tileInputs, work.xStride > 0,
            work.xStride % conflictingStride == 0 || work.dyStride % conflictingStride == 0
        else { return nil }
        var sampleCount = 0
        for segment in work.segments { sampleCount += segment.sampleCount }
        guard sampleCount >= sampleMinimum, sampleCount <= sampleLimit else { return nil }
        self.work = work
        self.sampleCount = sampleCount
        tileStride = sampleCount * tileInputs + 2
        x = workspace
        dy = x + blockFloats
        stack = dy + sampleLimit * tileOutputs
    }

    /// All columns but the last few; returns how many.
    func run() -> Int {
        let columnCount = work.outputs.count / tileOutputs * tileOutputs
        let blockInputs = blockFloats / tileStride * tileInputs
        var input = work.inputs.lowerBound
        while input < work.inputs.upperBound {
            let inputs = input..<min(input + blockInputs, work.inputs.upperBound)
            packInputs(inputs)
            var column = 0
            while column < columnCount {
                packOutputs(work.outputs.lowerBound + column)
                run(
                    inputCount: inputs.count,
                    to: work.gradient + (input - work.inputs.lowerBound) * work.gradientStride + column)
                column += tileOutputs
            }
            input = inputs.upperBound
        }
        return columnCount
    }

    private func packInputs(_ inputs: Range<Int>) {
        var row = x
        // Eight floats are copied at once, of which the last two belong to the next row, which comes later.
        let wide = (inputs.count - 2) / tileInputs * tileInputs
        for segment in work.segments {
            for sample in 0..<segment.sampleCount {
                let source = segment.x + sample * work.xStride + inputs.lowerBound
                var target = row
                var first = 0
                while first < wide {
                    UnsafeMutableRawPointer(target).storeBytes(
                        of: UnsafeRawPointer(source + first).loadUnaligned(as: SIMD8<Float>.self), as: SIMD8<Float>.self
                    )
                    target += tileStride
                    first += tileInputs
                }
                while first < inputs.count {
                    for i in 0..<min(tileInputs, inputs.count - first) { target[i] = source[first + i] }
                    target += tileStride
                    first += tileInputs
                }
                row += tileInputs
            }
        }
    }

    private func packOutputs(_ output: Int) {
        var row = dy
        for segment in work.segments {
            for sample in 0..<segment.sampleCount {
                let source = segment.dy + sample * work.dyStride + output
                store(load(source), row)
                #if AVX512
                    store(load(source + 16), row + 16)
                #endif
                row += tileOutputs
            }
        }
    }

    private func run(inputCount: Int, to gradient: UnsafeMutablePointer<Float>) {
        var segment = GradientSegment(sampleCount: sampleCount, x: UnsafePointer(x), dy: UnsafePointer(dy))
        var first = 0
        while first < inputCount {
            withUnsafePointer(to: segment) { segment in
                var column = GradientColumn(
                    segments: UnsafeBufferPointer(start: segment, count: 1), grainSize: work.grainSize,
                    xStride: tileInputs, dyStride: tileOutputs, input: 0, output: 0, columns: tileOutputs,
                    markStride: 0,
                    group: 0, tail: dy, stack: stack)
                let rowCount = min(tileInputs, inputCount - first)
                while column.input < rowCount {
                    column.input += column.runHighest(
                        rowCount: rowCount - column.input,
                        to: gradient + (first + column.input) * work.gradientStride, work.gradientStride)
                }
            }
            segment.x += tileStride
            first += tileInputs
        }
    }
}
