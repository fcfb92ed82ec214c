import KernelContract
import Kernels
import Testing

/// Products and weight gradients whose left operand has many zeros, which the variants leave out.
@Suite("Leaving out zeros changes no bit")
struct SkippingTests {
    /// Shares of elements other than 0 in percent, on both sides of every limit; 0 and 100 too.
    static let shares = [0, 3, 40, 60, 68, 75, 100]

    @Test("products around the blocks of rows, columns and depths", arguments: variants.map(\.instructionSet))
    func products(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        let sizes = [
            (16, 48, 64), (17, 63, 65), (33, 128, 128), (20, 129, 784), (16, 200, 100), (40, 320, 63), (64, 52, 200),
        ]
        for (m, n, k) in sizes {
            for form in [MatrixProductForm.nn, .nt] {
                for share in Self.shares {
                    for accumulates in [false, true] {
                        compare(kernels, form, m, n, k, share: share, accumulates: accumulates)
                    }
                }
            }
        }
        // More rows than there is room for the masks of at once.
        compare(kernels, .nn, 700, 48, 8_900, share: 10, accumulates: false)
    }

    @Test("products where some columns of A are 0 in most tiles", arguments: variants.map(\.instructionSet))
    func deadColumns(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        // With too few columns, and more of A than there is room for, too.
        let sizes = [(16, 192, 48), (17, 200, 64), (31, 191, 70), (70, 193, 49), (64, 256, 784), (130, 208, 600)]
        for (m, n, k) in sizes {
            for form in [MatrixProductForm.nn, .nt] {
                for (dead, share) in [(2, 100), (3, 95), (9, 92)] {
                    for accumulates in [false, true] {
                        compare(kernels, form, m, n, k, share: share, dead: dead, accumulates: accumulates)
                    }
                }
            }
        }
    }

    /// - Parameter dead: Every so manieth column of A is 0 but for a few rows; 0 for none.
    private func compare(
        _ kernels: any KernelSet, _ form: MatrixProductForm, _ m: Int, _ n: Int, _ k: Int, share: Int,
        dead: Int = 0, accumulates: Bool
    ) {
        let padding = (m + n + k) % 3
        var a = sparseValues(m * (k + padding), share: share, seed: 81)
        if dead > 0 {
            for row in 0..<m where row % 29 != 13 {
                for column in stride(from: dead - 1, to: k, by: dead) { a[row * (k + padding) + column] = 0 }
            }
        }
        let b = randomValues(form == .nt ? n * (k + padding) : k * (n + padding), seed: 82)
        let count = m * (n + padding)
        let c = accumulates ? randomValues(count, seed: 83) : [Float](repeating: .nan, count: count)
        func run(_ kernels: any KernelSet) -> [UInt32] {
            bits(
                MatrixProduct.run(
                    kernels, form, m: m, n: n, k: k, padding: padding, accumulates: accumulates, a: a, b: b, c: c))
        }
        #expect(
            run(kernels) == run(reference),
            "\(form) \(m) \(n) \(k), \(share) % other than 0, dead \(dead), \(accumulates)")
    }

    /// (samples by segment, grain size): what one worker, several, and idle ones have; short last grains.
    static let batches: [(samples: [Int], grainSize: Int)] = [
        ([64], 8), ([32, 32], 8), ([24, 16, 21], 8), ([24, 20], 8), ([48, 56, 20], 8), ([8, 8, 8, 8, 8, 4], 8),
        ([48, 32], 16),
        ([40, 40], 8), ([128], 16), ([64, 64], 16), ([48, 32, 16, 9], 16), ([16], 16),
        ([5], 16), ([64, 60], 32), ([96], 32), ([32, 32, 32, 32, 7], 32), ([80], 40), ([1_040], 16),
    ]

    @Test("weight gradients of any part, from several workers' samples", arguments: variants.map(\.instructionSet))
    func gradients(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        // (inputs, outputs, the part of both)
        let parts = [
            (40, 70, 0..<40, 0..<70), (70, 200, 3..<70, 0..<200), (37, 128, 8..<37, 0..<128), (20, 64, 0..<20, 0..<64),
            (33, 40, 4..<32, 0..<40), (40, 200, 2..<38, 0..<200), (9, 12, 2..<9, 5..<12), (64, 300, 0..<64, 30..<300),
        ]
        for (samples, grainSize) in Self.batches {
            for (inputs, outputs, inputRange, outputRange) in parts {
                for share in samples.count > 1 || samples[0] > 100 ? [50] : Self.shares {
                    for isMarked in grainSize <= InputMarks.grainLimit ? [false, true] : [false] {
                        let work = GradientWork(
                            samples: samples, grainSize: grainSize, inputs: inputs, outputs: outputs, share: share,
                            isMarked: isMarked)
                        #expect(
                            work.run(kernels, inputRange, outputRange) == work.run(reference, inputRange, outputRange),
                            """
                            \(samples) samples, grain \(grainSize), [\(inputs), \(outputs)], \(inputRange), \(outputRange), \
                            \(share) % other than 0, marked \(isMarked)
                            """)
                    }
                }
            }
        }
    }

    @Test("marks are those of the slow twin", arguments: variants.map(\.instructionSet))
    func marks(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        for count in [0, 1, 3, 4, 5, 63, 64, 65, 784] {
            let bytes = sparseValues(count, share: 20, seed: 84).map { $0 == 0 ? 0 : UInt8(200) }
            func run(_ kernels: any KernelSet) -> [UInt32] {
                var marks = [UInt32](repeating: 4, count: InputMarks.groupCount(count) + 1)
                kernels.markInputs(bytes, count: count, bit: 1 << 31, in: &marks)
                return marks
            }
            #expect(run(kernels) == run(reference) && run(kernels).last == 4, "\(count)")
        }
    }

    @Test("what is posted arrives, on a line of memory or not", arguments: variants.map(\.instructionSet))
    func post(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        let values = randomValues(100, seed: 85)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 1_024, alignment: 64)
            .bindMemory(to: Float.self, capacity: 256)
        defer { memory.deallocate() }
        for offset in [0, 1, 16] {
            for count in [0, 1, 15, 16, 17, 100] {
                memory.initialize(repeating: -7, count: 256)
                kernels.post(values, count: count, to: memory + offset)
                #expect((0..<count).allSatisfy { memory[offset + $0].bitPattern == values[$0].bitPattern })
                #expect(memory[offset + count] == -7 && (offset == 0 || memory[offset - 1] == -7))
            }
        }
    }
}

/// `share` percent are not 0; of the zeros some are −0.
private func sparseValues(_ count: Int, share: Int, seed: UInt64) -> [Float] {
    let values = randomValues(max(count, 1), seed: seed, zeros: false)
    let dice = randomValues(max(count, 1), seed: seed + 100, zeros: false)
    return zip(values, dice).map { value, dice in
        Int(dice.bitPattern >> 3) % 100 < share ? value : dice.bitPattern % 2 == 0 ? 0 : -0.0
    }
}

/// The operands of a weight gradient, a segment for each worker.
struct GradientWork {
    let samples: [Int]
    let grainSize: Int
    let inputs: Int
    let outputs: Int
    let x: [[Float]]
    let dy: [[Float]]
    /// Empty where inputs are not marked.
    let marks: [[UInt32]]

    init(samples: [Int], grainSize: Int, inputs: Int, outputs: Int, share: Int, isMarked: Bool) {
        self.samples = samples
        self.grainSize = grainSize
        self.inputs = inputs
        self.outputs = outputs
        x = samples.indices.map { sparseValues(samples[$0] * inputs, share: share, seed: 86 + UInt64($0)) }
        dy = samples.indices.map { randomValues(samples[$0] * outputs, seed: 96 + UInt64($0)) }
        let groups = InputMarks.groupCount(inputs)
        marks =
            isMarked
            ? zip(samples, x).map { count, x in
                var marks = [UInt32](repeating: 0, count: (count + grainSize - 1) / grainSize * groups)
                for sample in 0..<count {
                    for input in 0..<inputs where x[sample * inputs + input] != 0 {
                        marks[sample / grainSize * groups + input / InputMarks.groupSize] |=
                            1 << UInt32(sample % grainSize)
                    }
                }
                return marks
            } : []
    }

    func run(_ kernels: any KernelSet, _ inputRange: Range<Int>, _ outputRange: Range<Int>) -> [UInt32] {
        let workspace = Workspace()
        let stride = outputRange.count + 2
        var gradient = [Float](repeating: .nan, count: inputRange.count * stride)
        var segments: [GradientSegment] = []
        for index in samples.indices {
            segments.append(
                GradientSegment(
                    sampleCount: samples[index], x: copy(x[index]), dy: copy(dy[index]),
                    marks: marks.isEmpty ? nil : copy(marks[index])))
        }
        defer {
            for segment in segments {
                segment.x.deallocate()
                segment.dy.deallocate()
                segment.marks?.deallocate()
            }
        }
        segments.withUnsafeBufferPointer { segments in
            gradient.withUnsafeMutableBufferPointer {
                kernels.weightGradient(
                    WeightGradient(
                        inputs: inputRange, outputs: outputRange, grainSize: grainSize, segments: segments,
                        xStride: inputs, dyStride: outputs, gradient: $0.baseAddress!, gradientStride: stride),
                    workspace: workspace.base)
            }
        }
        return bits(gradient)
    }

    private func copy<Element>(_ values: [Element]) -> UnsafePointer<Element> {
        let copy = UnsafeMutablePointer<Element>.allocate(capacity: max(values.count, 1))
        copy.initialize(from: values, count: values.count)
        return UnsafePointer(copy)
    }
}
