import CMachine
import KernelContract

// Behind a maximum over 2 × 2 outputs at least three of four output gradients are 0, and behind a rectifier more. A
// product with 0 changes no chain, so here only the others are met: one broadcast output gradient times the taps × 32
// input channels that it meets, whose sums lie in registers. Weights and images are read in place, nothing is gathered.

/// What the kernels of this file need of a convolution, and their part of the scratch memory.
struct SparseGradients {
    let shape: Convolution
    let sampleCount: Int
    let dy: UnsafePointer<Float>
    // Of `shape`: properties of another module are calls.
    private let windowCount: Int
    private let inputCount: Int
    private let positions: Int
    /// `[sampleCount, outputPositions, wordCount]`: bit o of a position's words says whether its gradient is 0.
    private let masks: UnsafeMutablePointer<UInt64>
    private let wordCount: Int
    /// An image with its padding, for one sample.
    private let image: UnsafeMutablePointer<Float>
    private let imageHeight: Int
    private let imageWidth: Int
    /// `[outputChannels, listCapacity]`
    private let lists: UnsafeMutablePointer<Entry>
    private let listCounts: UnsafeMutablePointer<Int>
    private let listCapacity: Int
    /// `[outputChannels, taps, inputChannels]`: the weights, or the lowest level of the tree of their gradients.
    let turned: UnsafeMutablePointer<Float>

    /// An output gradient other than 0, and where its window begins in the image.
    private struct Entry {
        let offset: Int32
        let value: Float
    }

    /// Nil where the shape has no such kernel, or `densityLimit` of the gradients or more are not 0.
    init?(
        _ shape: Convolution, sampleCount: Int, dy: UnsafePointer<Float>, densityLimit: Double = 0.5,
        scratch: UnsafeMutablePointer<Float>
    ) {
        guard shape.hasSparseKernels else { return nil }
        let places = shape.sparsePlaces(sampleCount: sampleCount)
        self.shape = shape
        self.sampleCount = sampleCount
        self.dy = dy
        wordCount = (shape.outputChannels + 63) / 64
        imageHeight = shape.window.outputHeight + 2
        imageWidth = shape.window.outputWidth + 2
        let base = UnsafeMutableRawPointer(scratch).alignedUp(toMultipleOf: 64)
        masks = (base + 4 * places.masks).assumingMemoryBound(to: UInt64.self)
        listCapacity = places.listCapacity
        lists = (base + 4 * places.lists).assumingMemoryBound(to: Entry.self)
        listCounts = (base + 4 * places.listCounts).assumingMemoryBound(to: Int.self)
        image = (base + 4 * places.image).assumingMemoryBound(to: Float.self)
        turned = (base + 4 * places.turned).assumingMemoryBound(to: Float.self)
        windowCount = shape.windowCount
        inputCount = shape.inputCount
        positions = shape.window.outputPositions
        let count = markNonzero(dy, positions: sampleCount * positions, channels: shape.outputChannels, to: masks)
        guard Double(count) < densityLimit * Double(sampleCount * shape.outputCount) else { return nil }
    }
}

// MARK: Input gradient

extension SparseGradients {
    /// Each output gradient is added to the inputs that it met. Positions and channels in ascending order, and the
    /// kernel's rows in descending blocks: the order of the contract's chains.
    func inputGradient(weight: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>) {
        turn(weight)
        let window = shape.window
        let isDirect =
            window.inputHeight == imageHeight && window.inputWidth == imageWidth && window.paddingTop == 0
            && window.paddingLeft == 0
        let imageCount = imageHeight * imageWidth * shape.inputChannels
        for sample in 0..<sampleCount {
            let target = isDirect ? dx + sample * inputCount : image
            for i in stride(from: 0, to: imageCount, by: 16) { store(Vector(repeating: 0), target + i) }
            for channel in stride(from: 0, to: shape.inputChannels, by: 32) {
                var row = window.kernelHeight
                while row > 0 {
                    row -= TapBlock.rowCount
                    scatter(sample, row: row, channel: channel, to: target)
                }
            }
            if isDirect { finish(target, count: imageCount) } else { crop(target, to: dx + sample * inputCount) }
        }
    }

    @inline(never)
    private func scatter(_ sample: Int, row: Int, channel: Int, to image: UnsafeMutablePointer<Float>) {
        let channels = shape.inputChannels
        let outputChannels = shape.outputChannels
        let rowStride = imageWidth * channels
        let turnedRow = 3 * channels
        let width = shape.window.outputWidth
        let factors = UnsafePointer(turned) + row * turnedRow + channel
        var position = sample * positions
        for i in 0..<shape.window.outputHeight {
            var target = image + (i + row) * rowStride + channel
            var block = TapBlock(loading: UnsafePointer(target), tapStride: channels, rowStride: rowStride)
            for j in 0..<width {
                let gradients = dy + position * outputChannels
                for word in 0..<wordCount {
                    var mask = masks[position * wordCount + word]
                    while mask != 0 {
                        let output = word * 64 + mask.trailingZeroBitCount
                        mask &= mask &- 1
                        block.step(
                            Vector(repeating: gradients[output]), factors + output * windowCount, tapStride: channels,
                            rowStride: turnedRow, taps: 0...2)
                    }
                }
                position += 1
                guard j + 1 < width else { break }
                block.advance(target, tapStride: channels, rowStride: rowStride)
                target += channels
            }
            block.store(target, tapStride: channels, rowStride: rowStride)
        }
    }

    /// `turned[o, tap, channel] = weight[tap, channel, o]`
    private func turn(_ weight: UnsafePointer<Float>) {
        let outputs = shape.outputChannels
        for o in 0..<outputs {
            let target = turned + o * windowCount
            for i in 0..<windowCount { target[i] = weight[i * outputs + o] }
        }
    }

    private func finish(_ values: UnsafeMutablePointer<Float>, count: Int) {
        for i in stride(from: 0, to: count, by: 16) {
            store(load(UnsafePointer(values + i)) + Vector(repeating: 0), values + i)
        }
    }

    /// The image without its padding, and zeros where no window reaches.
    private func crop(_ image: UnsafeMutablePointer<Float>, to dx: UnsafeMutablePointer<Float>) {
        let window = shape.window
        let channels = shape.inputChannels
        for row in 0..<window.inputHeight {
            for column in 0..<window.inputWidth {
                let (i, j) = (row + window.paddingTop, column + window.paddingLeft)
                let isReached = i < imageHeight && j < imageWidth
                let target = dx + (row * window.inputWidth + column) * channels
                for channel in stride(from: 0, to: channels, by: 16) {
                    let sum =
                        isReached
                        ? load(UnsafePointer(image + (i * imageWidth + j) * channels + channel))
                        : Vector(repeating: 0)
                    store(sum + Vector(repeating: 0), target + channel)
                }
            }
        }
    }
}

// MARK: Weight gradient

extension SparseGradients {
    /// Chains of some samples of one grain: `turned[o, tap, channel]` in level `sum`.
    func weightGradient(
        samples: Range<Int>, x: UnsafePointer<Float>, sum: UnsafeMutablePointer<Float>
    ) {
        let window = shape.window
        let isDirect =
            shape.inputChannels == 32 && window.inputHeight == imageHeight && window.inputWidth == imageWidth
            && window.paddingTop == 0 && window.paddingLeft == 0
        var continues = false
        for sample in samples {
            var source = x + sample * inputCount
            if !isDirect {
                pad(source)
                source = UnsafePointer(image)
            }
            var first = 0
            while first < positions {
                let end = min(first + listCapacity, positions)
                list(sample, positions: first..<end)
                gather(from: source, onto: sum, continues: continues)
                continues = true
                first = end
            }
        }
    }

    private func list(_ sample: Int, positions range: Range<Int>) {
        let outputChannels = shape.outputChannels
        let width = shape.window.outputWidth
        for o in 0..<outputChannels { listCounts[o] = 0 }
        var i = range.lowerBound / width
        var j = range.lowerBound - i * width
        let base = sample * positions
        for position in base + range.lowerBound..<base + range.upperBound {
            let offset = Int32((i * imageWidth + j) * 32)
            for word in 0..<wordCount {
                var mask = masks[position * wordCount + word]
                while mask != 0 {
                    let output = word * 64 + mask.trailingZeroBitCount
                    mask &= mask &- 1
                    let count = listCounts[output]
                    lists[output * listCapacity + count] = Entry(
                        offset: offset, value: dy[position * outputChannels + output])
                    listCounts[output] = count + 1
                }
            }
            j += 1
            if j == width {
                j = 0
                i += 1
            }
        }
    }

    /// `image` in slices of 32 channels: `[channels / 32, imageHeight, imageWidth, 32]`.
    @inline(never)
    private func gather(from image: UnsafePointer<Float>, onto sum: UnsafeMutablePointer<Float>, continues: Bool) {
        let channels = shape.inputChannels
        let rowStride = imageWidth * 32
        let turnedRow = 3 * channels
        for channel in stride(from: 0, to: channels, by: 32) {
            let slice = image + channel / 32 * imageHeight * rowStride
            for output in 0..<shape.outputChannels {
                let entries = lists + output * listCapacity
                let count = listCounts[output]
                for row in stride(from: 0, to: shape.window.kernelHeight, by: TapBlock.rowCount) {
                    let target = sum + output * windowCount + row * turnedRow + channel
                    let source = slice + row * rowStride
                    var block =
                        continues
                        ? TapBlock(loading: UnsafePointer(target), tapStride: channels, rowStride: turnedRow)
                        : TapBlock()
                    for index in 0..<count {
                        let entry = entries[index]
                        block.step(
                            Vector(repeating: entry.value), source + Int(entry.offset), tapStride: 32,
                            rowStride: rowStride, taps: 0...2)
                    }
                    block.store(target, tapStride: channels, rowStride: turnedRow)
                }
            }
        }
    }

    /// The image of one sample with zeros around it, in slices of 32 channels: a slice lies in all sets of L1.
    private func pad(_ x: UnsafePointer<Float>) {
        let window = shape.window
        let channels = shape.inputChannels
        for i in 0..<imageHeight {
            for j in 0..<imageWidth {
                let (row, column) = (i - window.paddingTop, j - window.paddingLeft)
                let isInside = row >= 0 && row < window.inputHeight && column >= 0 && column < window.inputWidth
                let target = image + (i * imageWidth + j) * 32
                for channel in stride(from: 0, to: channels, by: 16) {
                    let pixel =
                        isInside
                        ? load(x + (row * window.inputWidth + column) * channels + channel)
                        : Vector(repeating: 0)
                    store(pixel, target + channel / 32 * imageHeight * imageWidth * 32 + channel % 32)
                }
            }
        }
    }

    /// `gradient[tap, channel, o] = turned[o, tap, channel] + 0.0`
    func turnBack(_ sum: UnsafePointer<Float>, to gradient: UnsafeMutablePointer<Float>) {
        let outputs = shape.outputChannels
        for i in 0..<windowCount {
            for o in 0..<outputs { gradient[i * outputs + o] = sum[o * windowCount + i] + 0 }
        }
    }

    /// `turnBack` of the mirrored convolution: `gradient[tap, o, channel] = turned[o, last tap − tap, channel] + 0.0`
    func turnBackMirrored(_ sum: UnsafePointer<Float>, to gradient: UnsafeMutablePointer<Float>) {
        let (outputs, channels, taps) = (shape.outputChannels, shape.inputChannels, shape.window.taps)
        for tap in 0..<taps {
            for o in 0..<outputs {
                let source = sum + (o * taps + taps - 1 - tap) * channels
                let target = gradient + (tap * outputs + o) * channels
                for channel in stride(from: 0, to: channels, by: 16) {
                    store(load(source + channel) + Vector(repeating: 0), target + channel)
                }
            }
        }
    }
}
