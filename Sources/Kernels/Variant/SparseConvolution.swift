import CMachine
import KernelContract

/// Forward over inputs other than 0: behind a rectifier and a maximum a third of them is 0, and a product with 0 changes
/// no chain. An input is met by three neighbouring positions of an output row, whose sums lie in registers while the
/// tile moves along the row. The kernel's rows come one after the other, so that their weights stay in L1.
struct SparseConvolution {
    private let weight: UnsafePointer<Float>
    /// `[inputPositions, wordCount]`: bit c of a position's words says whether its input c is 0.
    private let masks: UnsafeMutablePointer<UInt64>
    private let wordCount: Int
    private let inputPositions: Int
    /// Values of an image without its border.
    private let pixelCount: Int
    private let inputWidth: Int
    private let inputChannels: Int
    private let outputHeight: Int
    private let outputWidth: Int
    private let outputChannels: Int

    #if AVX512
        /// 64 output channels: 12 accumulators and one broadcast.
        private typealias Tile = TapRows<TapRow, TapRow>
    #else
        private typealias Tile = TapRow
    #endif
    private static var tileChannels: Int { @inline(__always) get { 32 * Tile.rowCount } }

    /// Nil where the shape has no such kernel.
    init?(
        _ shape: Convolution, _ image: PaddedImage, weight: UnsafePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        let window = shape.window
        guard shape.hasSparseKernels, window.outputWidth >= 2, shape.outputChannels % Self.tileChannels == 0
        else { return nil }
        self.weight = weight
        masks = UnsafeMutableRawPointer(scratch).alignedUp(toMultipleOf: 64).assumingMemoryBound(to: UInt64.self)
        wordCount = (shape.inputChannels + 63) / 64
        inputPositions = image.height * image.width
        inputWidth = image.width
        pixelCount = shape.inputCount
        inputChannels = shape.inputChannels
        outputHeight = window.outputHeight
        outputWidth = window.outputWidth
        outputChannels = shape.outputChannels
    }

    /// One image; false, and nothing is done, where too few inputs are 0.
    func run(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>) -> Bool {
        let count = markNonzero(x, positions: inputPositions, channels: inputChannels, to: masks)
        guard count * 4 <= pixelCount * 3 else { return false }
        let outputCount = outputHeight * outputWidth * outputChannels
        for i in stride(from: 0, to: outputCount, by: 16) { store(Vector(repeating: 0), y + i) }
        for channel in stride(from: 0, to: outputChannels, by: Self.tileChannels) {
            for row in 0..<3 {
                for i in 0..<outputHeight {
                    runLine(
                        x, position: (i + row) * inputWidth, row: row, channel: channel,
                        to: y + i * outputWidth * outputChannels + channel)
                }
            }
        }
        for i in stride(from: 0, to: outputCount, by: 16) {
            store(load(UnsafePointer(y + i)) + Vector(repeating: 0), y + i)
        }
        return true
    }

    /// An output row's sums with one row of the kernel: `position` is the first of the input row.
    @inline(never)
    private func runLine(
        _ x: UnsafePointer<Float>, position: Int, row: Int, channel: Int, to line: UnsafeMutablePointer<Float>
    ) {
        // Input column q meets the outputs q − 2, q − 1 and q with the kernel's columns 2, 1 and 0.
        let tapStride = -inputChannels * outputChannels
        let factors = weight + (3 * row + 2) * inputChannels * outputChannels + channel
        let last = outputWidth + 1
        var tile = Tile()
        var target = line
        tile.loadThird(UnsafePointer(target), rowStride: 32)
        meet(&tile, x, position, factors, tapStride, taps: 2...2)
        tile.shift()
        tile.loadThird(UnsafePointer(target + outputChannels), rowStride: 32)
        meet(&tile, x, position + 1, factors, tapStride, taps: 1...2)
        tile.shift()
        for q in 2..<outputWidth {
            tile.loadThird(UnsafePointer(target + 2 * outputChannels), rowStride: 32)
            meet(&tile, x, position + q, factors, tapStride, taps: 0...2)
            tile.storeFirst(target, rowStride: 32)
            tile.shift()
            target += outputChannels
        }
        meet(&tile, x, position + last - 1, factors, tapStride, taps: 0...1)
        tile.storeFirst(target, rowStride: 32)
        tile.shift()
        meet(&tile, x, position + last, factors, tapStride, taps: 0...0)
        tile.storeFirst(target + outputChannels, rowStride: 32)
    }

    @inline(__always)
    private func meet(
        _ tile: inout Tile, _ x: UnsafePointer<Float>, _ position: Int, _ factors: UnsafePointer<Float>,
        _ tapStride: Int, taps: ClosedRange<Int>
    ) {
        for word in 0..<wordCount {
            var mask = masks[position * wordCount + word]
            while mask != 0 {
                let channel = word * 64 + mask.trailingZeroBitCount
                mask &= mask &- 1
                tile.step(
                    Vector(repeating: x[position * inputChannels + channel]), factors + channel * outputChannels,
                    tapStride: tapStride, rowStride: 32, taps: taps)
            }
        }
    }
}

/// Bit c of a position's words: whether channel c differs from 0. Returns how many do.
func markNonzero(
    _ values: UnsafePointer<Float>, positions: Int, channels: Int, to masks: UnsafeMutablePointer<UInt64>
) -> Int {
    var count = 0
    var word = masks
    for position in 0..<positions {
        let row = values + position * channels
        for first in stride(from: 0, to: channels, by: 64) {
            var mask: UInt64 = 0
            for channel in stride(from: first, to: min(first + 64, channels), by: 16) {
                mask |= UInt64(lockstep_nonzero_lanes(load(row + channel))) << UInt64(channel & 63)
            }
            word.pointee = mask
            word += 1
            count += mask.nonzeroBitCount
        }
    }
    return count
}
