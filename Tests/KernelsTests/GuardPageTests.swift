import Glibc
import KernelContract
import Kernels
import Testing

/// Floats that end exactly where an unreadable page begins: one float too far is a crash.
private final class GuardedFloats {
    let base: UnsafeMutablePointer<Float>
    private let mapping: UnsafeMutableRawPointer
    private let byteCount: Int

    init(_ values: [Float]) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let used = (values.count * 4 + page - 1) / page * page
        byteCount = used + page
        mapping = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        mprotect(mapping + used, page, PROT_NONE)
        base = (mapping + used - values.count * 4).assumingMemoryBound(to: Float.self)
        base.initialize(from: values, count: values.count)
    }

    deinit { munmap(mapping, byteCount) }
}

@Suite("Kernels stay inside their operands")
struct GuardPageTests {
    @Test("nothing is read or written beyond the last element")
    func edges() async {
        // In a process of its own: a kernel that reads too far ends that process and not the tests.
        await #expect(processExitsWith: .success) {
            for kernels in variants {
                exercise(kernels)
                exerciseBlocks(kernels)
                exerciseImages(kernels)
                exerciseNormalization(kernels)
            }
        }
    }
}

private func exercise(_ kernels: any KernelSet) {
    let guarded = GuardedFloats([Float](repeating: 0, count: KernelWorkspace.floatCount))
    let workspace = guarded.base
    for columns in [1, 3, 10, 15, 16, 17, 31, 32, 33, 47] {
        for rows in [1, 2, 5, 8, 13, 17, 40] {
            let a = GuardedFloats(randomValues(rows * columns, seed: 40))
            let b = GuardedFloats(randomValues(rows * columns, seed: 41))
            let square = GuardedFloats(randomValues(columns * columns, seed: 42))
            let product = GuardedFloats(randomValues(rows * columns, seed: 43))
            let sums = GuardedFloats(randomValues(columns, seed: 44))
            kernels.multiply(
                MatrixProduct(
                    .nn, m: rows, n: columns, k: columns, a: a.base, aStride: columns, b: square.base,
                    bStride: columns, c: product.base, cStride: columns), workspace: workspace)
            kernels.multiply(
                MatrixProduct(
                    .nt, m: rows, n: columns, k: columns, a: a.base, aStride: columns, b: square.base,
                    bStride: columns, c: product.base, cStride: columns, accumulates: true),
                workspace: workspace)
            kernels.multiply(
                MatrixProduct(
                    .tn, m: columns, n: columns, k: rows, a: a.base, aStride: columns, b: b.base,
                    bStride: columns, c: square.base, cStride: columns), workspace: workspace)
            kernels.weightGradient(
                inputFeatures: columns, outputFeatures: columns, sampleCount: rows, grainSize: 8, x: a.base,
                xStride: columns, dy: b.base, dyStride: columns, gradient: square.base, gradientStride: columns,
                workspace: workspace)
            kernels.biasGradient(
                rowCount: rows, columnCount: columns, grainSize: 4, rows: b.base, rowStride: columns,
                sums: sums.base, workspace: workspace)
            kernels.addBias(
                rowCount: rows, columnCount: columns, rows: a.base, rowStride: columns, bias: sums.base)
            kernels.rectify(a.base, count: rows * columns, to: b.base)
            kernels.rectifyGradient(y: a.base, dy: product.base, count: rows * columns, to: b.base)
        }
    }
}

/// Products in cache blocks, with whole and with narrow last panels, and gradients over copies.
private func exerciseBlocks(_ kernels: any KernelSet) {
    let workspace = GuardedFloats([Float](repeating: 0, count: KernelWorkspace.floatCount))
    for (sampleCount, inputs, outputs) in [(70, 256, 130), (512, 256, 256), (64, 19, 256)] {
        let x = GuardedFloats(randomValues(sampleCount * inputs, seed: 63, zeros: false))
        let dy = GuardedFloats(randomValues(sampleCount * outputs, seed: 64))
        let gradient = GuardedFloats([Float](repeating: 0, count: inputs * outputs))
        kernels.weightGradient(
            inputFeatures: inputs, outputFeatures: outputs, sampleCount: sampleCount, grainSize: 8, x: x.base,
            xStride: inputs, dy: dy.base, dyStride: outputs, gradient: gradient.base, gradientStride: outputs,
            workspace: workspace.base)
    }
    let sizes = [
        (24, 1_056, 512), (37, 1_051, 515), (25, 1_040, 511), (190, 1_031, 600), (340, 1_031, 600), (130, 261, 1_024),
        (520, 512, 513),
    ]
    for (m, n, k) in sizes {
        let a = GuardedFloats(randomValues(m * k, seed: 60))
        let b = GuardedFloats(randomValues(n * k, seed: 61))
        let c = GuardedFloats(randomValues(m * n, seed: 62))
        for form in MatrixProductForm.allCases {
            kernels.multiply(
                MatrixProduct(
                    form, m: m, n: n, k: k, a: a.base, aStride: form == .tn ? m : k, b: b.base,
                    bStride: form == .nt ? k : n, c: c.base, cStride: n, accumulates: true),
                workspace: workspace.base)
        }
    }
}

private func exerciseImages(_ kernels: any KernelSet) {
    let workspace = UnsafeMutablePointer<Float>.allocate(capacity: KernelWorkspace.floatCount)
    workspace.initialize(repeating: 0, count: KernelWorkspace.floatCount)
    // Every value, and one of four: kernels may leave zeros out where there are many.
    let steps = [(x: 1, dy: 1), (x: 4, dy: 4), (x: 4, dy: 1)]
    for (test, step) in (ConvolutionCase.table + PoolingTests.table).flatMap({ test in steps.map { (test, $0) } })
    where test.sampleCount > 0 {
        let shape = test.shape
        func operand(_ count: Int, step: Int, seed: UInt64) -> GuardedFloats {
            GuardedFloats(randomValues(count, seed: seed).enumerated().map { $0 % step == 0 ? $1 : 0 })
        }
        let x = operand(test.sampleCount * shape.inputCount, step: step.x, seed: 45)
        let weight = GuardedFloats(randomValues(shape.weightCount, seed: 46))
        let y = GuardedFloats(randomValues(test.sampleCount * shape.outputCount, seed: 47))
        let dy = operand(test.sampleCount * shape.outputCount, step: step.dy, seed: 47)
        let scratch = GuardedFloats(randomValues(shape.scratchFloatCount(sampleCount: test.sampleCount), seed: 48))
        kernels.convolve(
            shape, sampleCount: test.sampleCount, x: x.base, weight: weight.base, y: y.base, scratch: scratch.base,
            workspace: workspace)
        kernels.convolutionWeightGradient(
            shape, sampleCount: test.sampleCount, grainSize: test.grainSize, x: x.base, dy: dy.base,
            gradient: weight.base, scratch: scratch.base, workspace: workspace)
        kernels.convolutionInputGradient(
            shape, sampleCount: test.sampleCount, dy: dy.base, weight: weight.base, dx: x.base,
            scratch: scratch.base, workspace: workspace)
    }
    for test in PoolingTests.table where test.sampleCount > 0 {
        let (window, channels) = (test.shape.window, test.shape.inputChannels)
        let x = GuardedFloats(randomValues(test.sampleCount * test.shape.inputCount, seed: 49))
        let dx = GuardedFloats(randomValues(test.sampleCount * test.shape.inputCount, seed: 50))
        let y = GuardedFloats(randomValues(test.sampleCount * window.outputPositions * channels, seed: 51))
        kernels.maxPool(window, channels: channels, sampleCount: test.sampleCount, x: x.base, y: y.base)
        kernels.maxPoolGradient(
            window, channels: channels, sampleCount: test.sampleCount, x: x.base, dy: y.base, dx: dx.base)
        kernels.averagePool(window, channels: channels, sampleCount: test.sampleCount, x: x.base, y: y.base)
        kernels.averagePoolGradient(
            window, channels: channels, sampleCount: test.sampleCount, dy: y.base, dx: dx.base)
    }
}

private func exerciseNormalization(_ kernels: any KernelSet) {
    let workspace = UnsafeMutablePointer<Float>.allocate(capacity: KernelWorkspace.floatCount)
    workspace.initialize(repeating: 0, count: KernelWorkspace.floatCount)
    for test in NormalizationCase.table where test.rowCount > 0 && test.rowCount < 100 {
        let (rowCount, columnCount) = (test.rowCount, test.columnCount)
        let x = GuardedFloats(randomValues(test.count, seed: 52))
        let dy = GuardedFloats(randomValues(test.count, seed: 53))
        let result = GuardedFloats(randomValues(test.count, seed: 54))
        let mean = GuardedFloats(randomValues(columnCount, seed: 55))
        let scale = GuardedFloats(randomValues(columnCount, seed: 56))
        let sums = GuardedFloats(randomValues(columnCount, seed: 57))
        let rowStatistics = GuardedFloats(randomValues(2 * rowCount, seed: 58))
        let rows = ColumnRows(rowCount: rowCount, columnCount: columnCount, grainSize: test.grainSize, x: x.base)
        let statistics = ColumnStatistics(mean: mean.base, inverseDeviation: scale.base)
        kernels.centredSquareSums(rows, mean: mean.base, sums: sums.base, workspace: workspace)
        kernels.normalizedProductSums(rows, dy: dy.base, statistics, sums: sums.base, workspace: workspace)
        kernels.rowNormalizedProductSums(
            rows, dy: dy.base, statistics: rowStatistics.base, sums: sums.base, workspace: workspace)
        kernels.normalizeColumns(rows, statistics, scale: scale.base, shift: mean.base, to: result.base)
        kernels.normalizeColumnsGradient(
            rows, dy: dy.base, statistics, scale: scale.base, meanGradient: mean.base, meanProduct: sums.base,
            to: result.base)
        kernels.divide(sums.base, count: columnCount, by: 3)
        kernels.inverseDeviations(scale.base, count: columnCount, epsilon: 1e-5, to: sums.base)
        kernels.normalizeRows(
            rowCount: rowCount, columnCount: columnCount, x: x.base, scale: scale.base, shift: mean.base,
            epsilon: 1e-5, to: result.base, statistics: rowStatistics.base)
        kernels.normalizeRowsGradient(
            rowCount: rowCount, columnCount: columnCount, x: x.base, dy: dy.base, scale: scale.base,
            statistics: rowStatistics.base, to: result.base)
        kernels.softmaxRows(rowCount: rowCount, columnCount: columnCount, x: x.base, to: result.base)
        kernels.softmaxRowsGradient(
            rowCount: rowCount, columnCount: columnCount, y: x.base, dy: dy.base, to: result.base)
        kernels.addElements(x.base, dy.base, count: test.count, to: result.base)
    }
}
