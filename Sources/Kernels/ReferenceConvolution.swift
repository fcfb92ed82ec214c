import KernelContract

/// The slow twins of convolution: direct loops over the definition, for Float and Double alike.
extension Reference {
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func convolve<Scalar: BinaryFloatingPoint>(
        _ shape: Convolution, sampleCount: Int, x: UnsafePointer<Scalar>, weight: UnsafePointer<Scalar>,
        y: UnsafeMutablePointer<Scalar>
    ) {
        let window = shape.window
        forEachOutput(shape, sampleCount) { sample, i, j, o in
            var sum = Scalar(0)
            for r in 0..<window.kernelHeight {
                for c in 0..<window.kernelWidth {
                    guard let position = window.input(i, j, r, c) else { continue }
                    for channel in 0..<shape.inputChannels {
                        sum = sum.addingProduct(
                            x[sample * shape.inputCount + position * shape.inputChannels + channel],
                            weight[shape.weightIndex(r, c, channel, o)])
                    }
                }
            }
            y[shape.outputIndex(sample, i, j, o)] = sum + 0
        }
    }

    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func convolutionInputGradient<Scalar: BinaryFloatingPoint>(
        _ shape: Convolution, sampleCount: Int, dy: UnsafePointer<Scalar>, weight: UnsafePointer<Scalar>,
        dx: UnsafeMutablePointer<Scalar>
    ) {
        let window = shape.window
        for sample in 0..<sampleCount {
            for row in 0..<window.inputHeight {
                for column in 0..<window.inputWidth {
                    for channel in 0..<shape.inputChannels {
                        var sum = Scalar(0)
                        for i in 0..<window.outputHeight {
                            let r = row + window.paddingTop - i * window.stride
                            guard r >= 0 && r < window.kernelHeight else { continue }
                            for j in 0..<window.outputWidth {
                                let c = column + window.paddingLeft - j * window.stride
                                guard c >= 0 && c < window.kernelWidth else { continue }
                                for o in 0..<shape.outputChannels {
                                    sum = sum.addingProduct(
                                        dy[shape.outputIndex(sample, i, j, o)],
                                        weight[shape.weightIndex(r, c, channel, o)])
                                }
                            }
                        }
                        let position = row * window.inputWidth + column
                        dx[sample * shape.inputCount + position * shape.inputChannels + channel] = sum + 0
                    }
                }
            }
        }
    }

    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func convolutionWeightGradient<Scalar: BinaryFloatingPoint>(
        _ shape: Convolution, partition: GrainPartition, x: UnsafePointer<Scalar>, dy: UnsafePointer<Scalar>,
        gradient: UnsafeMutablePointer<Scalar>
    ) {
        let window = shape.window
        func chain(_ samples: Range<Int>, _ r: Int, _ c: Int, _ channel: Int, _ o: Int) -> Scalar {
            var sum = Scalar(0)
            for sample in samples {
                for i in 0..<window.outputHeight {
                    for j in 0..<window.outputWidth {
                        guard let position = window.input(i, j, r, c) else { continue }
                        sum = sum.addingProduct(
                            x[sample * shape.inputCount + position * shape.inputChannels + channel],
                            dy[shape.outputIndex(sample, i, j, o)])
                    }
                }
            }
            return sum + 0
        }
        for r in 0..<window.kernelHeight {
            for c in 0..<window.kernelWidth {
                for channel in 0..<shape.inputChannels {
                    for o in 0..<shape.outputChannels {
                        gradient[shape.weightIndex(r, c, channel, o)] = CanonicalTree.sum(
                            count: partition.grainCount, zero: Scalar(0),
                            { chain(partition.samples(of: $0..<$0 + 1), r, c, channel, o) }, +)
                    }
                }
            }
        }
    }

    private static func forEachOutput(_ shape: Convolution, _ sampleCount: Int, _ body: (Int, Int, Int, Int) -> Void) {
        for sample in 0..<sampleCount {
            for i in 0..<shape.window.outputHeight {
                for j in 0..<shape.window.outputWidth {
                    for o in 0..<shape.outputChannels { body(sample, i, j, o) }
                }
            }
        }
    }
}

extension SlidingWindow {
    /// The input position that tap (r, c) of output (i, j) meets; nil outside the image.
    package func input(_ i: Int, _ j: Int, _ r: Int, _ c: Int) -> Int? {
        let row = i * stride - paddingTop + r
        let column = j * stride - paddingLeft + c
        guard row >= 0 && row < inputHeight && column >= 0 && column < inputWidth else { return nil }
        return row * inputWidth + column
    }
}

extension Convolution {
    package func weightIndex(_ r: Int, _ c: Int, _ channel: Int, _ o: Int) -> Int {
        ((r * window.kernelWidth + c) * inputChannels + channel) * outputChannels + o
    }

    package func outputIndex(_ sample: Int, _ i: Int, _ j: Int, _ o: Int) -> Int {
        sample * outputCount + (i * window.outputWidth + j) * outputChannels + o
    }
}
