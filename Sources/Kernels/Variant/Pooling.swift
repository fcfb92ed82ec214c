import KernelContract

/// The part of a window that lies in the image.
private struct ClippedWindow {
    let rows: Range<Int>
    let columns: Range<Int>

    @inline(__always)
    init(_ window: SlidingWindow, _ i: Int, _ j: Int) {
        let row = i * window.stride - window.paddingTop
        let column = j * window.stride - window.paddingLeft
        rows = max(row, 0)..<min(row + window.kernelHeight, window.inputHeight)
        columns = max(column, 0)..<min(column + window.kernelWidth, window.inputWidth)
    }
}

extension SlidingWindow {
    /// All output positions in row-major order: the window, the offset of its sample's input, the output's offset.
    @inline(__always)
    fileprivate func forEachOutput(channels: Int, sampleCount: Int, _ body: (ClippedWindow, Int, Int) -> Void) {
        var output = 0
        for sample in 0..<sampleCount {
            let image = sample * inputPositions * channels
            for i in 0..<outputHeight {
                for j in 0..<outputWidth {
                    body(ClippedWindow(self, i, j), image, output)
                    output += channels
                }
            }
        }
    }

    /// The offsets of a window's elements of channel 0, in row-major order.
    @inline(__always)
    fileprivate func forEachTap(_ part: ClippedWindow, image: Int, channels: Int, _ body: (Int) -> Void) {
        for row in part.rows {
            var offset = image + (row * inputWidth + part.columns.lowerBound) * channels
            for _ in part.columns {
                body(offset)
                offset += channels
            }
        }
    }

    @inline(__always)
    fileprivate func firstTap(_ part: ClippedWindow, image: Int, channels: Int) -> Int {
        image + (part.rows.lowerBound * inputWidth + part.columns.lowerBound) * channels
    }
}

// Vectors run over channels; what is left below 16 channels is scalar.
extension VariantKernels {
    @inline(never)
    package func maxPool(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, x: UnsafePointer<Float>,
        y: UnsafeMutablePointer<Float>
    ) {
        if let squares = PoolSquares(window, channels: channels, sampleCount: sampleCount) {
            return squares.maxPool(x, to: y)
        }
        window.forEachOutput(channels: channels, sampleCount: sampleCount) { part, image, output in
            let first = window.firstTap(part, image: image, channels: channels)
            var channel = 0
            while channel + 16 <= channels {
                var best = load(x + first + channel)
                window.forEachTap(part, image: image, channels: channels) { tap in
                    let value = load(x + tap + channel)
                    best = best.replacing(with: value, where: value .> best)
                }
                store(best, y + output + channel)
                channel += 16
            }
            while channel < channels {
                var best = x[first + channel]
                window.forEachTap(part, image: image, channels: channels) { tap in
                    let value = x[tap + channel]
                    best = value > best ? value : best
                }
                y[output + channel] = best
                channel += 1
            }
        }
    }

    @inline(never)
    package func maxPoolGradient(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        dx: UnsafeMutablePointer<Float>
    ) {
        if let squares = PoolSquares(window, channels: channels, sampleCount: sampleCount) {
            return squares.maxPoolGradient(x, dy: dy, to: dx)
        }
        clear(dx, count: sampleCount * window.inputPositions * channels)
        let zero = Vector(repeating: 0)
        window.forEachOutput(channels: channels, sampleCount: sampleCount) { part, image, output in
            let first = window.firstTap(part, image: image, channels: channels)
            var channel = 0
            while channel + 16 <= channels {
                // The number of the first greatest tap, as a float: exact, and a lane of the same width.
                var best = load(x + first + channel)
                var winner = zero
                var number = zero
                window.forEachTap(part, image: image, channels: channels) { tap in
                    let value = load(x + tap + channel)
                    let isGreater = value .> best
                    best = best.replacing(with: value, where: isGreater)
                    winner = winner.replacing(with: number, where: isGreater)
                    number += 1
                }
                let gradient = load(dy + output + channel)
                number = zero
                window.forEachTap(part, image: image, channels: channels) { tap in
                    let target = dx + tap + channel
                    store(
                        load(UnsafePointer(target)) + zero.replacing(with: gradient, where: winner .== number), target)
                    number += 1
                }
                channel += 16
            }
            while channel < channels {
                var winner = first
                window.forEachTap(part, image: image, channels: channels) { tap in
                    winner = x[tap + channel] > x[winner + channel] ? tap : winner
                }
                dx[winner + channel] += dy[output + channel]
                channel += 1
            }
        }
    }

    @inline(never)
    package func averagePool(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, x: UnsafePointer<Float>,
        y: UnsafeMutablePointer<Float>
    ) {
        let taps = Float(window.taps)
        let divisor = Vector(repeating: taps)
        window.forEachOutput(channels: channels, sampleCount: sampleCount) { part, image, output in
            var channel = 0
            while channel + 16 <= channels {
                var sum = Vector(repeating: 0)
                window.forEachTap(part, image: image, channels: channels) { sum += load(x + $0 + channel) }
                store(sum / divisor, y + output + channel)
                channel += 16
            }
            while channel < channels {
                var sum: Float = 0
                window.forEachTap(part, image: image, channels: channels) { sum += x[$0 + channel] }
                y[output + channel] = sum / taps
                channel += 1
            }
        }
    }

    @inline(never)
    package func averagePoolGradient(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, dy: UnsafePointer<Float>,
        dx: UnsafeMutablePointer<Float>
    ) {
        clear(dx, count: sampleCount * window.inputPositions * channels)
        let taps = Float(window.taps)
        let divisor = Vector(repeating: taps)
        window.forEachOutput(channels: channels, sampleCount: sampleCount) { part, image, output in
            var channel = 0
            while channel + 16 <= channels {
                let share = load(dy + output + channel) / divisor
                window.forEachTap(part, image: image, channels: channels) { tap in
                    let target = dx + tap + channel
                    store(load(UnsafePointer(target)) + share, target)
                }
                channel += 16
            }
            while channel < channels {
                let share = dy[output + channel] / taps
                window.forEachTap(part, image: image, channels: channels) { dx[$0 + channel] += share }
                channel += 1
            }
        }
    }

    private func clear(_ values: UnsafeMutablePointer<Float>, count: Int) {
        for i in 0..<count { values[i] = 0 }
    }

}
